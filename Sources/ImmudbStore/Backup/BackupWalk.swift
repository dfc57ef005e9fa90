import ImmudbBackup
import Ledger
import MerkleTree
import StorageIO

/// Makes the chunks of a backup: reads the entries of a snapshot in order, and verifies them.
struct BackupWalk: ~Copyable {
    /// The leaves that are read at a time.
    private static let leafCount: UInt64 = 1024

    private let snapshot: Snapshot
    private var cursor: LedgerCursor
    private var builder: ChunkBuilder
    private var tree: MerkleAccumulator
    /// An entry that was read, and did not fit into the last chunk; its bytes are the cursor's.
    private var pending: LedgerCursor.Item?
    /// The leaves from `leavesFirst` on, as the tree file has them.
    private var leaves: [Digest] = []
    private var leavesFirst = EntryIndex(0)
    private var isEnded = false

    var size: TreeSize { tree.size }

    /// - Parameter tree: the entries that the backup does not hold.
    init(
        _ snapshot: Snapshot, from tree: MerkleAccumulator, identity: DatabaseIdentity
    ) throws(StoreError) {
        self.snapshot = snapshot
        self.tree = tree
        builder = ChunkBuilder(identity)
        let first = EntryIndex(tree.size.rawValue)
        let storage = snapshot.storage
        let position =
            snapshot.size.contains(first) ? try? storage.tree.position(of: first) : nil
        cursor = try storage.ledger.cursor(
            from: first, to: EntryIndex(snapshot.size.rawValue), near: position)
    }

    /// Returns the most bytes that the next chunk, or the trailer, can have.
    mutating func nextChunkByteCount() throws(StoreError) -> Int {
        try snapshot.storage.requireOpen()
        pending = try nextItem()
        guard let entry = pending?.entry else { return Self.overheadByteCount }
        return max(BackupFormat.chunkByteCount, entry.key.count + entry.value.count)
            + Self.overheadByteCount
    }

    /// More than a chunk's header, root, and the head of an entry take.
    private static let overheadByteCount = 256

    /// - Returns: nil after the last entry.
    mutating func nextChunk() throws(StoreError) -> [UInt8]? {
        try snapshot.storage.requireOpen()
        var root: Digest?
        while let item = try nextItem() {
            let entry = try BackupEntry(item)
            guard builder.hasRoom(for: entry) else {
                pending = item
                break
            }
            let leaf = Digest.leaf(index: entry.index, key: entry.key, value: entry.value)
            try compare(leaf, of: entry.index)
            builder.add(entry)
            tree.append(leaf)
            root = item.root
        }
        guard builder.entryCount > 0 else { return nil }
        let own = tree.root
        if let root, root != own {
            throw snapshot.storage.changed(upTo: tree.size, count: builder.entryCount)
        }
        return builder.finish(root: own)
    }

    private mutating func nextItem() throws(StoreError) -> LedgerCursor.Item? {
        if let item = pending {
            pending = nil
            return item
        }
        return try cursor.read()
    }

    /// Verifies the tree of all entries.
    ///
    /// - Returns: false if it did so before.
    /// - Throws: `tampered`.
    mutating func isComplete() throws(StoreError) -> Bool {
        guard !isEnded else { return false }
        guard tree.root == snapshot.root else {
            throw snapshot.storage.changed(upTo: tree.size, count: Int(tree.size.rawValue))
        }
        isEnded = true
        return true
    }

    /// Compares an entry with its leaf.
    ///
    /// Only if they differ is the leaf checked up to the root: it may be the file of digests that is damaged.
    private mutating func compare(_ leaf: Digest, of index: EntryIndex) throws(StoreError) {
        if index.rawValue - leavesFirst.rawValue >= UInt64(leaves.count) || leaves.isEmpty {
            let count = min(Self.leafCount, snapshot.size.rawValue - index.rawValue)
            leaves = try snapshot.storage.tree.uncheckedLeaves(from: index, count: Int(count))
            leavesFirst = index
        }
        guard leaves[Int(index.rawValue - leavesFirst.rawValue)] != leaf else { return }
        guard try snapshot.leaf(at: index) == leaf else { throw snapshot.storage.tampered(index) }
    }
}

extension BackupEntry {
    fileprivate init(_ item: LedgerCursor.Item) throws(StoreError) {
        let entry = item.entry
        guard let kind = EntryKind(rawValue: entry.kind) else {
            throw StoreError(
                .incompatibleFormat,
                "entry \(entry.index) is of kind \(entry.kind), which this version does not know")
        }
        self.init(
            index: entry.index, kind: kind, isEndOfBatch: entry.isEndOfBatch,
            isFirstOfFrame: item.isFirstOfFrame, timeMicroseconds: item.timeMicroseconds,
            key: entry.key, value: entry.value)
    }
}

extension Storage {
    /// Returns the error for entries that match their leaves, but do not lead to the root that the ledger has for them.
    fileprivate func changed(upTo size: TreeSize, count: Int) -> StoreError {
        let error = StoreError(
            .tampered,
            "\(path): the entries up to \(size.rawValue - 1) do not have the root that the ledger holds for "
                + "them: somebody changed one of the last \(count), and its leaf")
        log(.error, "\(error)")
        return error
    }
}
