public import ImmudbModel
public import MerkleTree
import StorageIO

/// Verifies a full backup and its incrementals, part by part: that each continues the one before, and that the entries
/// have the roots which the parts state.
///
/// A pure value: it computes the tree from the entries, and believes no digest that it is told. So a chain that passes
/// holds exactly the entries of ``tree``'s root, in their order; whether that is the right root, somebody else must know.
/// Kinds, batch marks and times are not in the leaves: checksums protect them, against accidents only.
///
/// Cost: one hash of each entry (see ``HashedChunk``), and one for each node.
public struct BackupChain: Sendable {
    /// The tree of all entries so far.
    public private(set) var tree = MerkleAccumulator()
    /// The head of the first backup.
    public private(set) var first: BackupHead?
    /// The head of the backup that is being verified; nil between two backups.
    public private(set) var current: BackupHead?
    /// The root that somebody else knows, see ``require(_:)``.
    private var required: [TrustedRoot] = []

    public init() {}

    /// The size and root of the tree of all entries so far.
    public var end: TrustedRoot { TrustedRoot(size: tree.size, root: tree.root) }

    /// Demands that the chain goes through a tree that somebody knows. Call it before the first entry.
    public mutating func require(_ root: TrustedRoot) { required.append(root) }

    /// Begins a backup.
    ///
    /// - Throws: `foreignDatabase`; `otherHistory` if it does not begin where the one before ended.
    public mutating func begin(_ head: BackupHead) throws(StoreError) {
        precondition(current == nil, "the backup before has ended")
        if let first, head.identity != first.identity {
            throw StoreError(
                .foreignDatabase,
                "a backup of the database \(head.identity), and the ones before are of "
                    + "\(first.identity)")
        }
        guard head.start.size == tree.size else {
            throw StoreError(.otherHistory, gap(before: head))
        }
        guard head.start.root == tree.root else {
            throw StoreError(
                .otherHistory,
                "continues another history: its root of \(tree.size) entries is \(head.start.root), and "
                    + "that of the backups before is \(tree.root)")
        }
        if first == nil { first = head }
        current = head
    }

    private func gap(before head: BackupHead) -> String {
        if tree.size.isEmpty, first == nil {
            return
                "an incremental backup, which begins with entry \(head.start.size): name the backups "
                + "before it first, beginning with a full one"
        }
        if head.isFull { return "a full backup cannot follow another backup: name it first" }
        return head.start.size > tree.size
            ? "begins with entry \(head.start.size), but the backups before end before entry \(tree.size): "
                + "one between them is missing, or the order is wrong"
            : "begins with entry \(head.start.size), which the backups before hold already: they end before "
                + "entry \(tree.size)"
    }

    /// Verifies a chunk: hashes its entries, and verifies them as below.
    public mutating func add(_ chunk: BackupChunk) throws(StoreError) {
        try add(try HashedChunk(chunk)) { _, _ in }
    }

    /// Verifies a chunk whose entries are hashed.
    ///
    /// - Parameters:
    ///   - cut: an entry before which a group ends.
    ///   - body: called with entries of one frame, up to the end of a batch or of the chunk, and with the tree after the
    ///     last of them. It is called before the chunk's root is verified: nothing that it does may count unless this
    ///     function returns.
    /// - Throws: `corruption` if the chunk is not the next one; `tampered` if the entries do not have its root;
    ///   `otherHistory` if they do not have a required root; and what `body` throws.
    public mutating func add(
        _ hashed: HashedChunk, cuttingAt cut: EntryIndex? = nil,
        _ body: ([BackupEntry], MerkleAccumulator) throws(StoreError) -> Void
    ) throws(StoreError) {
        precondition(current != nil, "a backup has begun")
        let chunk = hashed.chunk
        guard chunk.firstIndex.rawValue == tree.size.rawValue else {
            throw StoreError(
                .corruption,
                "the next entry would be \(tree.size), and this chunk begins with entry "
                    + "\(chunk.firstIndex)")
        }
        var grown = tree
        var group: [BackupEntry] = []
        let required = required
        let end = chunk.endIndex
        var leaves = hashed.leaves.makeIterator()
        try chunk.forEachEntry { entry throws(StoreError) in
            if let last = group.last,
                entry.isFirstOfFrame && last.isEndOfBatch || entry.index == cut
            {
                try body(group, grown)
                group.removeAll(keepingCapacity: true)
            }
            guard let leaf = leaves.next() else { preconditionFailure("a leaf for each entry") }
            grown.append(leaf)
            for root in required where root.size == grown.size {
                try Self.compare(root, with: grown)
            }
            group.append(entry)
            // The bytes of the entries are valid only inside of this closure.
            if entry.index.rawValue + 1 == end.rawValue { try body(group, grown) }
        }
        guard grown.root == chunk.root else {
            throw StoreError(
                .tampered,
                "the entries up to \(chunk.endIndex.rawValue - 1) do not have the root that the backup states: "
                    + "somebody changed one of the last \(chunk.entryCount), or the root")
        }
        tree = grown
    }

    /// Ends a backup.
    ///
    /// - Throws: `tampered` if the entries do not have the trailer's root.
    public mutating func end(_ trailer: BackupTrailer) throws(StoreError) {
        precondition(current != nil, "a backup has begun")
        guard trailer.start == current?.start, trailer.end == end else {
            throw StoreError(
                .tampered,
                "the trailer is of another backup: it states the \(trailer.end), and the entries have the "
                    + "\(end)")
        }
        current = nil
    }

    /// Completes the chain.
    ///
    /// - Throws: `otherHistory` if a required root lies beyond it; `incompatibleFormat` if there was no backup.
    public func complete() throws(StoreError) {
        precondition(current == nil, "the last backup has ended")
        guard first != nil else { throw StoreError(.otherHistory, "no backup was given") }
        for root in required {
            if root.size.isEmpty { continue }
            guard root.size <= tree.size else {
                throw StoreError(
                    .otherHistory,
                    "the root to compare with is of \(root.size) entries, and the backups hold "
                        + "\(tree.size): a later incremental backup is missing")
            }
        }
    }

    private static func compare(
        _ root: TrustedRoot, with tree: MerkleAccumulator
    ) throws(StoreError) {
        let own = tree.root
        guard own == root.root else {
            throw StoreError(
                .otherHistory,
                "the root of the first \(root.size) entries is \(own), and \(root.root) is expected: this is "
                    + "another history")
        }
    }
}
