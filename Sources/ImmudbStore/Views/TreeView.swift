import Ledger
import MerkleTree
import StorageIO
import Synchronization

/// The tree's digests and the entries' positions on disk: two files that can be derived from the ledger.
///
/// No digest from disk is trusted: it is returned only after it was hashed, with its sibling, up to a digest that was
/// known before. Known digests are the peaks of the snapshot, which come from the ledger, and the nodes that were
/// checked before and are in the cache. So a changed byte in the file is detected, and never becomes part of a proof.
///
/// The tree is read in blocks of 32 leaves with the nodes above them, which lie next to each other (63 digests, 2,016
/// bytes): one read a proof, whatever the size of the tree, since the levels above are cached.
final class TreeView: Sendable {
    static let blockLevel: UInt8 = 5
    static let blockLeafCount: UInt64 = 32

    let digests: ViewFile
    let positions: ViewFile
    let cache: NodeCache.Part

    init(
        directory: String, identity: DatabaseIdentity, fileSystem: any FileSystem,
        cache: NodeCache, log: @escaping LogSink
    ) throws(StoreError) {
        self.cache = cache.part()
        try fileSystem.createDirectory(directory)
        digests = try ViewFile(
            path: "\(directory)/digests", kind: .digests, identity: identity,
            fileSystem: fileSystem,
            log: log)
        positions = try ViewFile(
            path: "\(directory)/places", kind: .positions, identity: identity,
            fileSystem: fileSystem,
            log: log)
        try fileSystem.synchronizeDirectory(directory)
    }

    // MARK: writing (the committer)

    /// The most bytes of records that may wait for a failing disk: those of some 900,000 entries.
    private static let pendingByteLimit = 64 << 20

    /// Makes room for the records of `size` entries, and writes records that an earlier failure left.
    ///
    /// - Throws: `noSpace`, or the operating system's error, if too much waits: nothing may be added then.
    func reserve(_ size: TreeSize) throws(StoreError) {
        for file in [digests, positions] where file.pendingByteCount > 0 {
            do throws(StoreError) {
                try file.writePending()
            } catch {
                guard file.pendingByteCount < Self.pendingByteLimit else { throw error }
            }
        }
        try digests.reserve(to: size.nodeCount)
        try positions.reserve(to: size.rawValue)
    }

    /// Whether records wait for the disk.
    var hasPending: Bool { digests.pendingByteCount + positions.pendingByteCount > 0 }

    /// Adds the records of the entries from `first` on: their digests in completion order, and their positions. A disk
    /// failure does not make it fail. The new nodes are known from then on, since they were computed here.
    func append(_ addition: TreeAddition, from first: TreeSize) {
        remember(addition, from: first)
        addition.digests.withUnsafeBytes { digests.write($0, from: first.nodeCount) }
        addition.positions.withUnsafeBytes { positions.write($0, from: first.rawValue) }
    }

    /// Writes the records of entries again that are already in the view. Their nodes do not become known: the tree that
    /// they were added to may be wrong.
    func rewrite(_ addition: TreeAddition, from first: TreeSize) throws(StoreError) {
        try addition.digests.withUnsafeBytes { bytes in
            Result { () throws(StoreError) in try digests.rewrite(bytes, from: first.nodeCount) }
        }.get()
        try addition.positions.withUnsafeBytes { bytes in
            Result { () throws(StoreError) in try positions.rewrite(bytes, from: first.rawValue) }
        }.get()
    }

    /// Adds the nodes above the blocks that the entries from `first` on complete to the known ones.
    func remember(_ addition: TreeAddition, from first: TreeSize) {
        addition.forEachNode(from: first, level: Self.blockLevel) { position, digest in
            cache.insert(digest, at: position)
        }
    }

    /// Makes the records of the first `size` entries durable, then sets the marks in the files' heads.
    ///
    /// - Precondition: the entries are durable. A view that is ahead of the ledger after a power failure would be
    ///   rebuilt.
    func checkpoint(_ size: TreeSize) throws(StoreError) {
        for file in [digests, positions] { try file.writePending() }
        try digests.checkpoint(size.nodeCount)
        try positions.checkpoint(size.rawValue)
    }

    /// Sets the mark durably, before records change, so that only the records of the first `size` entries count.
    ///
    /// - Parameter isWitness: whether from now on a leaf is only written once its entry is synchronized.
    func begin(_ size: TreeSize, isWitness: Bool) throws(StoreError) {
        try digests.begin(mark: size.nodeCount, isWitness: isWitness)
        try positions.begin(mark: size.rawValue, isWitness: isWitness)
    }

    /// Requests the repair of damage. Set once, before the view is shared.
    private let damageHandler = Mutex<@Sendable () -> Void>({})

    func onDamage(_ handler: @escaping @Sendable () -> Void) {
        damageHandler.withLock { $0 = handler }
    }

    /// Whether damage was found and is not repaired yet.
    var isDamaged: Bool { digests.isDamaged || positions.isDamaged }

    /// Requests that both files are written again from the ledger.
    func markDamaged() {
        digests.markDamaged()
        positions.markDamaged()
        damageHandler.withLock { $0 }()
    }

    /// Returns what the files of a folder show about an entry that the ledger does not hold. Changes nothing.
    static func evidence(
        about index: EntryIndex, directory: String, identity: DatabaseIdentity,
        fileSystem: any FileSystem
    ) throws(StoreError) -> Ledger.Evidence {
        let path = "\(directory)/digests"
        guard try fileSystem.exists(path) else { return .none }
        let file: any StorageFile
        do throws(StoreError) {
            file = try fileSystem.open(path, .readOnly)
        } catch  where error.code == .corruption {
            // A pipe, or the like, is no file that could show something.
            return .none
        }
        let bytes = try file.read(byteCount: ViewHead.usedByteCount, at: 0)
        guard let head = ViewHead(bytes, kind: .digests, identity: identity), head.isWitness else {
            return .none
        }
        let offset = ViewHead.offset(of: NodePosition(leaf: index).storageIndex, Digest.byteCount)
        let leaf = try file.read(byteCount: Digest.byteCount, at: offset)
        return leaf.contains { $0 != 0 } ? .acknowledged : .neverAcknowledged
    }

    // MARK: reading (any thread)

    /// Returns the position of an entry, unchecked: the ledger's checksum detects a wrong one.
    func position(of index: EntryIndex) throws(StoreError) -> EntryPosition {
        EntryPosition(packed: try number(positions, index.rawValue))
    }

    /// Returns the positions of consecutive entries, as ``position(of:)`` does, with one read.
    func positions(from first: EntryIndex, count: Int) throws(StoreError) -> [EntryPosition] {
        var numbers = [UInt64](repeating: 0, count: count)
        try numbers.withUnsafeMutableBytes { buffer in
            Result { () throws(StoreError) -> Void in
                try positions.read(into: buffer, from: first.rawValue)
            }
        }.get()
        return numbers.map { EntryPosition(packed: $0.littleEndian) }
    }

    /// Returns the leaves of consecutive entries, as ``uncheckedLeaf(_:)`` does, with one read: they lie in order, with
    /// the nodes that they complete between them.
    func uncheckedLeaves(from first: EntryIndex, count: Int) throws(StoreError) -> [Digest] {
        let records = (0..<UInt64(count)).map {
            NodePosition(leaf: EntryIndex(first.rawValue + $0)).storageIndex
        }
        guard let start = records.first, let last = records.last else { return [] }
        return try withUnsafeTemporaryAllocation(
            byteCount: Int(last - start + 1) * Digest.byteCount, alignment: 8
        ) { buffer in
            Result { () throws(StoreError) -> [Digest] in
                try digests.read(into: buffer, from: start)
                return records.map { record in
                    let offset = Int(record - start) * Digest.byteCount
                    return Digest(
                        loadingFrom: UnsafeRawPointer(buffer.baseAddress! + offset))
                }
            }
        }.get()
    }

    /// Returns a leaf, unchecked: for the comparison with an entry that has passed its own checksum.
    func uncheckedLeaf(_ index: EntryIndex) throws(StoreError) -> Digest {
        try uncheckedNode(NodePosition(leaf: index))
    }

    func uncheckedNode(_ position: NodePosition) throws(StoreError) -> Digest {
        try withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { buffer in
            Result { () throws(StoreError) -> Digest in
                try digests.read(into: buffer, from: position.storageIndex)
                return Digest(loadingFrom: buffer.baseAddress!)
            }
        }.get()
    }

    /// Returns a checked node above the blocks, or a peak of any level.
    func upperNode(
        at position: NodePosition, in tree: MerkleAccumulator
    ) throws(StoreError) -> Digest {
        if let digest = tree.peak(at: position) ?? cache.digest(at: position) { return digest }
        let parent = try upperNode(at: position.parent, in: tree)
        let own = try uncheckedNode(position)
        let other = try uncheckedNode(position.sibling)
        let isLeft = position.index & 1 == 0
        guard Digest.node(isLeft ? own : other, isLeft ? other : own) == parent else {
            throw mismatch(at: position)
        }
        cache.insert(own, at: position)
        cache.insert(other, at: position.sibling)
        return own
    }

    /// Returns the error for bytes of the digest file that do not lead to a known digest.
    func mismatch(at position: NodePosition) -> StoreError {
        markDamaged()
        return StoreError(
            .corruption,
            "\(digests.path), node \(position), entry \(position.firstLeaf): the digest does not lead "
                + "to the root. The file is damaged. It is written again from the ledger now; try again "
                + "later, and check the disk")
    }

    private func number(_ file: ViewFile, _ record: UInt64) throws(StoreError) -> UInt64 {
        try withUnsafeTemporaryAllocation(byteCount: 8, alignment: 8) { buffer in
            Result { () throws(StoreError) -> UInt64 in
                try file.read(into: buffer, from: record)
                return buffer.load(as: UInt64.self).littleEndian
            }
        }.get()
    }
}
