public import ImmudbBackup
import Ledger
public import MerkleTree
import StorageIO
import Synchronization

/// What a backup is to hold.
public struct BackupRequest: Sendable {
    /// The name of the database, for its head.
    public var name = ""
    /// The identifier of the server whose database it is, 12 bytes.
    public var serverIdentifier: [UInt8]?
    /// Where the backup before ended; the empty tree for a full backup.
    public var since = TrustedRoot.empty
    /// Where an unfinished backup ends that is to be continued; nil for a new one.
    public var resumingAt: TrustedRoot?

    public init() {}
}

/// A backup of one snapshot of a live database, part by part; made by ``Database/backup(_:)``.
///
/// It takes no lock that a writer holds. Every entry is compared with its leaf, and the tree of all entries with the
/// snapshot's root, before the trailer is given out: what is in a complete backup is what was acknowledged.
/// `docs/backup-format.md` has the bytes.
///
/// One thread at a time; others wait. Memory: a chunk, and one frame of the ledger.
public final class DatabaseBackup: Sendable {
    public let head: BackupHead
    /// The tree of the snapshot.
    public let end: TrustedRoot
    private let walk: Mutex<BackupWalk>

    init(of database: Database, _ request: BackupRequest) throws(StoreError) {
        let snapshot = database.snapshot
        head = BackupHead(
            identity: database.identity, serverIdentifier: request.serverIdentifier,
            name: request.name, start: request.since, timeMicroseconds: wallClockMicroseconds())
        end = snapshot.trustedRoot
        _ = try snapshot.known(request.since)
        let tree = try snapshot.known(request.resumingAt ?? request.since)
        guard tree.size >= request.since.size else {
            throw StoreError(
                .otherHistory, "an unfinished backup cannot end before the one that it continues")
        }
        walk = Mutex(try BackupWalk(snapshot, from: tree, identity: database.identity))
    }

    /// The number of entries that this and earlier backups hold so far.
    public var position: TreeSize { walk.withLock { $0.size } }

    /// Returns the most bytes that the next part can have, before it is made. May read the next frame of the ledger.
    ///
    /// - Throws: as ``nextPart()``.
    public func nextPartByteCount() throws(StoreError) -> Int {
        try walk.withLock { walk throws(StoreError) in try walk.nextChunkByteCount() }
    }

    /// Returns the bytes of the next part: chunks, then the trailer. The head is not among them.
    ///
    /// - Returns: nil after the trailer.
    /// - Throws: `tampered` or `corruption` with the entry that is damaged; the operating system's errors. The backup
    ///   must not be continued then.
    public func nextPart() throws(StoreError) -> [UInt8]? {
        try walk.withLock { walk throws(StoreError) -> [UInt8]? in
            if let chunk = try walk.nextChunk() { return chunk }
            guard try walk.isComplete() else { return nil }
            let trailer = BackupTrailer(
                start: head.start, end: end, timeMicroseconds: wallClockMicroseconds())
            return trailer.bytes(head.identity)
        }
    }

    /// Passes all parts to `sink`, on the calling thread.
    ///
    /// - Parameters:
    ///   - bytesPerSecond: the rate at most; nil for no limit.
    ///   - cancellation: ends it with `cancelled`.
    ///   - progress: called after each part with ``position``.
    ///   - sink: takes the bytes of a part.
    public func write(
        bytesPerSecond: Int? = nil, cancellation: Cancellation? = nil,
        progress: (TreeSize) -> Void = { _ in },
        to sink: ([UInt8]) throws(StoreError) -> Void
    ) throws(StoreError) {
        var pace = bytesPerSecond.map { Pace(bytesPerSecond: $0) }
        let clock = ContinuousClock()
        let start = clock.now
        while let part = try nextPart() {
            if cancellation?.isCancelled == true {
                throw StoreError(.cancelled, "the backup was stopped")
            }
            try sink(part)
            progress(position)
            guard let rest = pace?.rest(after: part.count, now: clock.now - start) else { continue }
            sleepThread(rest)
        }
    }
}

extension Database {
    /// Begins a backup of the newest snapshot: a full one, or one that continues an earlier backup.
    ///
    /// Appends go on meanwhile, and are not in it.
    ///
    /// - Throws: `otherHistory` if the backup to continue is not of this database's history; `corruption`; the operating
    ///   system's errors.
    public func backup(_ request: BackupRequest = BackupRequest()) throws(StoreError)
        -> DatabaseBackup
    {
        try DatabaseBackup(of: self, request)
    }
}

extension Snapshot {
    /// Returns the tree of the first entries, which must have a root that somebody knows.
    ///
    /// - Throws: `otherHistory` if they do not have it, or if there are fewer.
    fileprivate func known(_ known: TrustedRoot) throws(StoreError) -> MerkleAccumulator {
        try storage.requireOpen()
        guard known.size <= size else {
            throw StoreError(
                .otherHistory,
                "the backup to continue ends with \(known.size) entries, and the database has \(size): it is "
                    + "another one, or an older copy")
        }
        var peaks: [Digest] = []
        for position in known.size.peaks { peaks.append(try storage.tree.uncheckedNode(position)) }
        let tree = MerkleAccumulator(size: known.size, peaks: peaks)
        // No other peaks have this root.
        if tree.root == known.root { return tree }
        // The file of digests may be damaged: a proof's digests are checked.
        let proof = try consistencyProof(from: known.size)
        guard (try? proof.verify(from: known.root, to: root)) != nil else {
            throw StoreError(
                .otherHistory,
                "the backup to continue is of another history: its root of \(known.size) entries is "
                    + "\(known.root), and the database has another one")
        }
        throw storage.tree.mismatch(at: NodePosition(leaf: EntryIndex(known.size.rawValue - 1)))
    }
}
