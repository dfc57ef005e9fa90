import Ledger
public import MerkleTree
public import StorageIO

/// A walk over all entries from an index on, in insertion order.
///
/// Can tell how large the next entries are before it reads them: see ``nextRun(upTo:)``. Made by
/// ``Snapshot/indexWalk(from:room:)``.
public struct IndexWalk: CollectableWalk {
    /// Consecutive entries of known size.
    public struct Run: Hashable, Sendable {
        /// The first of them.
        public let first: EntryIndex
        public let count: Int
        /// The most bytes of their keys and values together.
        public let byteCount: Int
    }

    /// The most entries of a run: some milliseconds.
    private static let runEntryCount: UInt64 = 1000

    private let snapshot: Snapshot
    /// The first entry that was not read.
    private var next: EntryIndex
    private var room: AnswerRoom
    /// Positions and leaves of entries from `next` on, and perhaps of some before.
    private var block: EntryBlock?

    public var isAtEnd: Bool { room.isFull || !snapshot.size.contains(next) }

    init(_ snapshot: Snapshot, from first: EntryIndex, room: AnswerRoom) {
        self.snapshot = snapshot
        self.room = room
        next = first
    }

    public mutating func nextPage() throws(StoreError) -> [Entry] { try onePage() }

    mutating func read(into page: inout EntryPage) throws(StoreError) {
        guard !isAtEnd else { return }
        try snapshot.storage.requireOpen()
        let block = try currentBlock()
        while page.hasRoom, block.contains(next) {
            let entry = try block.entry(at: next, of: snapshot)
            page.note(read: entry)
            guard room.take(entry) else { break }
            page.append(entry)
            next = EntryIndex(next.rawValue + 1)
        }
    }

    /// Returns the next entries that have at most `byteLimit` bytes together, or the next entry if it alone has more.
    /// It does not read the entries themselves.
    ///
    /// - Returns: nil at the end.
    /// - Complexity: two reads for each thousand entries, and one of 16 bytes for some.
    public mutating func nextRun(upTo byteLimit: Int) throws(StoreError) -> Run? {
        guard !isAtEnd else { return nil }
        try snapshot.storage.requireOpen()
        let block = try currentBlock()
        var end = next
        var byteCount = 0
        while end.rawValue - next.rawValue < Self.runEntryCount, block.contains(end) {
            let recordByteCount = try block.recordByteCount(at: end, of: snapshot)
            let needed = max(0, recordByteCount - EntryHeader.byteCount)
            guard end == next || byteCount + needed <= byteLimit else { break }
            byteCount += needed
            end = EntryIndex(end.rawValue + 1)
        }
        return Run(first: next, count: Int(end.rawValue - next.rawValue), byteCount: byteCount)
    }

    /// Reads the entries of a run, one after the other, and continues after them.
    ///
    /// - Precondition: the run is what ``nextRun(upTo:)`` returned last.
    public mutating func read(
        _ run: Run, _ body: (Entry) -> Void
    ) throws(StoreError) {
        precondition(run.first == next, "the run is not the walk's next one")
        let block = try currentBlock()
        for _ in 0..<run.count {
            try snapshot.storage.requireOpen()
            body(try block.entry(at: next, of: snapshot))
            next = EntryIndex(next.rawValue + 1)
        }
    }

    private mutating func currentBlock() throws(StoreError) -> EntryBlock {
        if let block, block.contains(next) { return block }
        let left = Int(clamping: snapshot.size.rawValue - next.rawValue)
        let count = min(room.entryCount, EntryBlock.maximumCount, left)
        let block = try EntryBlock(snapshot.storage.tree, from: next, count: count)
        self.block = block
        return block
    }
}
