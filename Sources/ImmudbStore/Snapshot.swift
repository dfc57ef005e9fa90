public import ImmudbModel
import KeyIndex
public import MerkleTree

/// The database as it was at one tree size: the entries `0 ..< size`, and the root over them.
///
/// A snapshot never changes, takes no lock that a writer holds, and contains only whole batches. Keeping it costs
/// nothing. Its functions block on the disk: call them on a thread of your own, or use the `async` functions of
/// ``Database``. This file has the functions for one key or one entry; `Walks/` has scans, sorted sets, and all entries
/// in insertion order.
///
/// Everything that is read is checked: against the entry's checksum, then against its leaf. All functions may throw
/// these errors: `corruption` with file, offset and entry; `tampered`; `closed`; the operating system's.
public struct Snapshot: Sendable {
    let storage: Storage
    let tree: MerkleAccumulator
    private let edge: TreeEdge

    init(storage: Storage, tree: MerkleAccumulator, edge: TreeEdge) {
        self.storage = storage
        self.tree = tree
        self.edge = edge
    }

    public var root: Digest { edge.root }

    public var size: TreeSize { tree.size }

    /// Size and root. A caller that trusts this database may trust them from now on.
    public var trustedRoot: TrustedRoot { TrustedRoot(size: size, root: root) }

    // MARK: by key

    /// Returns the newest entry of a key. A reference is followed, one level, to its target's entry.
    /// - Returns: nil if the key, or the target of the reference, was never written.
    /// - Throws: `invalidKey`.
    /// - Complexity: one look-up in the key index, two reads; twice that for a reference.
    public func get(_ key: [UInt8]) throws(StoreError) -> Entry? {
        guard let location = try locate(key) else { return nil }
        return try read(location)
    }

    /// Returns the newest entry of the key itself; a reference is not followed.
    public func newest(_ key: [UInt8]) throws(StoreError) -> Entry? {
        guard let address = try address(of: key) else { return nil }
        return try checkedEntry(at: address, key: key)
    }

    /// Locates the entry that ``get(_:)-([UInt8])`` would return. Of a reference, its own entry is read.
    /// - Returns: nil if the key, or the target of the reference, was never written.
    /// - Throws: `invalidKey`.
    /// - Complexity: one look-up in the key index; for a reference two, and two reads.
    public func locate(_ key: [UInt8]) throws(StoreError) -> EntryLocation? {
        guard let address = try address(of: key) else { return nil }
        guard address.kind == EntryKind.reference.rawValue else {
            return EntryLocation(address, key: key)
        }
        let reference = try checkedEntry(at: address, key: key)
        guard let target = try self.address(of: reference.value) else { return nil }
        return EntryLocation(target, key: reference.value)
    }

    /// Reads an entry that this snapshot has located.
    /// - Complexity: two reads.
    public func read(_ location: EntryLocation) throws(StoreError) -> Entry {
        try storage.requireOpen()
        let entry = try readUnchecked(location)
        try storage.check(entry, in: tree)
        return entry
    }

    /// Reads an entry that this snapshot has located, with its proof since a tree of `since` entries.
    /// - Throws: also `invalidRootIndex` if this snapshot is smaller than that.
    public func prove(
        _ location: EntryLocation, since: TreeSize
    ) throws(StoreError) -> ProvenEntry {
        try requireSize(since)
        let entry = try readUnchecked(location)
        return ProvenEntry(entry: entry, proof: try proof(of: entry, since: since))
    }

    private func readUnchecked(_ location: EntryLocation) throws(StoreError) -> Entry {
        guard let indexed = location.indexed else { return try storage.entry(at: location.index) }
        return try storage.entry(at: indexed.address, key: indexed.key)
    }

    /// Returns whether a key was written, or is the name of a reference. Reads only the key index.
    /// - Throws: `invalidKey`.
    public func contains(_ key: [UInt8]) throws(StoreError) -> Bool {
        try address(of: key) != nil
    }

    /// Returns the entry of ``get(_:)-([UInt8])`` with its proof since a tree of `since` entries.
    /// - Throws: also `invalidRootIndex` if this snapshot is smaller than that.
    public func provenGet(_ key: [UInt8], since: TreeSize) throws(StoreError) -> ProvenEntry? {
        try requireSize(since)
        guard let location = try locate(key) else { return nil }
        return try prove(location, since: since)
    }

    /// Returns the versions of a key, newest first; of a reference, its own entries.
    ///
    /// - Parameters:
    ///   - key: the key of the versions.
    ///   - limit: the most entries to return.
    ///   - before: only entries with a smaller index are returned; to read the next page, pass the index of the
    ///     last entry of the page before.
    ///   - byteLimit: the most bytes to return, see ``AnswerRoom``.
    /// - Returns: an empty array for a key that was never written.
    /// - Complexity: two reads an entry; a look-up for some hundred of them.
    public func history(
        of key: [UInt8], limit: Int = .max, before: EntryIndex? = nil, byteLimit: Int = .max
    ) throws(StoreError) -> [Entry] {
        var walk = try versionWalk(
            of: key, before: before, room: AnswerRoom(limit: limit, byteLimit: byteLimit))
        try storage.requireOpen()
        return try walk.all()
    }

    // MARK: by index

    /// Returns the entry at an index, as it was appended.
    /// - Throws: `indexNotFound` beyond the snapshot; `tampered` if its bytes differ from its leaf.
    public func entry(at index: EntryIndex) throws(StoreError) -> Entry {
        try requireIndex(index)
        let entry = try storage.entry(at: index)
        try storage.check(entry, in: tree)
        return entry
    }

    /// Checks that reading works: looks up a key, found or not, and reads the newest entry, unless it is larger than 64
    /// KiB. If that works, other keys and entries can be read as well, as far as two reads can tell.
    public func checkReading() throws(StoreError) {
        _ = try newest([0xff])
        guard let last = size.lastIndex else { return }
        if try locate(at: last).byteCount <= 64 << 10 { _ = try entry(at: last) }
    }

    /// Locates the entry at an index.
    /// - Throws: `indexNotFound` beyond the snapshot.
    /// - Complexity: two reads, of 8 and 16 bytes.
    public func locate(at index: EntryIndex) throws(StoreError) -> EntryLocation {
        try requireIndex(index)
        return EntryLocation(
            index: index, byteCount: try storage.recordByteCount(at: index), indexed: nil)
    }

    /// Returns the digest at an index, checked up to the root.
    /// - Throws: `indexNotFound` beyond the snapshot.
    public func leaf(at index: EntryIndex) throws(StoreError) -> Digest {
        try requireIndex(index)
        return try prover.inclusionProof(of: index).leaf
    }

    // MARK: proofs

    private var prover: TreeProver { TreeProver(tree, edge: edge, view: storage.tree) }

    /// Returns the audit path from an entry's leaf to ``root``.
    /// - Throws: `indexNotFound` beyond the snapshot.
    /// - Complexity: one read, O(log size) steps.
    public func inclusionProof(of index: EntryIndex) throws(StoreError) -> InclusionProof {
        try requireIndex(index)
        return try prover.inclusionProof(of: index).proof
    }

    /// Returns the proof that the tree of the first `from` entries is the beginning of this one.
    /// - Throws: `invalidRootIndex` if this snapshot is smaller than that.
    public func consistencyProof(from: TreeSize) throws(StoreError) -> ConsistencyProof {
        try requireSize(from)
        return try prover.consistencyProof(from: from)
    }

    /// Returns an entry's whole proof, as a verified call returns it.
    /// - Throws: `indexNotFound`, `invalidRootIndex`.
    public func proof(of index: EntryIndex, since: TreeSize) throws(StoreError) -> EntryProof {
        try requireIndex(index)
        try requireSize(since)
        let (leaf, inclusion) = try prover.inclusionProof(of: index)
        let consistency = try prover.consistencyProof(from: since)
        return EntryProof(leaf: leaf, root: root, inclusion: inclusion, consistency: consistency)
    }

    /// Returns the proof of an entry that was read: its bytes are compared with its checked leaf.
    func proof(of entry: Entry, since: TreeSize) throws(StoreError) -> EntryProof {
        let proof = try proof(of: entry.index, since: since)
        guard proof.leaf == entry.leaf else { throw storage.tampered(entry.index) }
        return proof
    }

    // MARK: -

    /// Reads the entry that the key index names, and compares it with its leaf.
    func checkedEntry(at address: RecordAddress, key: [UInt8]) throws(StoreError) -> Entry {
        let entry = try storage.entry(at: address, key: key)
        try storage.check(entry, in: tree)
        return entry
    }

    private func address(of key: [UInt8]) throws(StoreError) -> RecordAddress? {
        try Limits.validate(key: key)
        try storage.requireOpen()
        // No key is that long, and a look-up would copy and hash it.
        guard key.count <= Limits.keyByteCount else { return nil }
        return try storage.newest(of: key, in: size)
    }

    private func requireIndex(_ index: EntryIndex) throws(StoreError) {
        try storage.requireOpen()
        guard size.contains(index) else {
            throw StoreError(.indexNotFound, "a tree of \(size) entries has no entry \(index)")
        }
    }

    func requireSize(_ since: TreeSize) throws(StoreError) {
        try storage.requireOpen()
        guard since <= size else {
            throw StoreError(
                .invalidRootIndex, "a tree of \(since) entries is larger than this one, of \(size)")
        }
    }
}

extension EntryLocation {
    fileprivate init(_ address: RecordAddress, key: [UInt8]) {
        self.init(
            index: address.index, byteCount: Int(address.length),
            indexed: IndexedRecord(key: key, address: address))
    }
}
