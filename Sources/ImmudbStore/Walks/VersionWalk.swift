import KeyIndex
import MerkleTree
public import StorageIO

/// A walk over the versions of a key, newest first.
///
/// Made by ``Snapshot/versionWalk(of:before:room:)``.
public struct VersionWalk: CollectableWalk {
    /// The most versions that are looked up at once.
    private static let lookUpCount = 512

    private let snapshot: Snapshot
    private let key: [UInt8]
    private var end: EntryIndex?
    private var room: AnswerRoom
    /// Versions that were looked up, the oldest one first.
    private var found: [RecordAddress] = []
    /// Whether all versions were looked up.
    private var isExhausted: Bool

    /// Whether a version was read that did not fit.
    private var isCut = false

    public var isAtEnd: Bool { room.isFull || (found.isEmpty && isExhausted) }

    /// Whether there may be older versions, once the walk has ended.
    public var mayHaveMore: Bool { isCut || !(found.isEmpty && isExhausted) }

    init(
        _ snapshot: Snapshot, of key: [UInt8], before end: EntryIndex?, room: AnswerRoom
    ) throws(StoreError) {
        try Limits.validate(key: key)
        self.snapshot = snapshot
        self.key = key
        self.end = end
        self.room = room
        isExhausted = key.count > Limits.keyByteCount
    }

    public mutating func nextPage() throws(StoreError) -> [Entry] { try onePage() }

    mutating func read(into page: inout EntryPage) throws(StoreError) {
        guard !isAtEnd else { return }
        try snapshot.storage.requireOpen()
        if found.isEmpty { try lookUp() }
        while page.hasRoom, let address = found.popLast() {
            let entry = try snapshot.checkedEntry(at: address, key: key)
            page.note(read: entry)
            guard room.take(entry) else {
                isCut = true
                break
            }
            page.append(entry)
        }
    }

    private mutating func lookUp() throws(StoreError) {
        let count = min(room.entryCount, Self.lookUpCount)
        found = try snapshot.storage.withIndex(for: snapshot.size) { index throws(StoreError) in
            try index.versions(of: key, in: snapshot.size, limit: count, before: end)
        }
        isExhausted = found.count < count
        end = found.last?.index ?? end
        found.reverse()
    }
}
