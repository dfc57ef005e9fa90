public import ImmudbBackup
import ImmudbModel
import Ledger
public import MerkleTree
import StorageIO

/// Makes a database of a full backup and its incrementals, in an empty folder.
///
/// Verifies every chunk and every root before ``finish()`` returns. It writes the ledger only: the first opening derives
/// tree and index, and reads all of it once more. Until ``finish()`` has returned, the folder must not be used, and must
/// not have a name by which somebody could.
///
/// By one thread. Memory: a chunk, and its copy in a frame.
public final class DatabaseRestore {
    private let path: String
    private let options: Database.Options
    private let keepsIdentity: Bool
    private let until: TreeSize?
    private var chain = BackupChain()
    private var ledger: Ledger?
    private let frame = FrameBuffer()
    /// The tree of the entries that were written.
    private var restored = TrustedRoot.empty
    /// The first entry of the batch through which `until` cuts.
    private var cutBatch: EntryIndex?
    private var batchFirst = EntryIndex(0)

    /// Prepares a restore; nothing is touched yet.
    ///
    /// - Parameters:
    ///   - path: the folder, which must be empty or missing.
    ///   - keepsIdentity: whether the database has the identity of the one that was backed up. If not, later backups of
    ///     that one do not continue this one.
    ///   - until: how many entries to restore; nil for all. The others are verified as well.
    ///   - options: those of the ledger count.
    public init(
        in path: String, keepsIdentity: Bool = true, until: TreeSize? = nil,
        options: Database.Options = Database.Options()
    ) {
        self.path = path
        self.keepsIdentity = keepsIdentity
        self.until = until
        self.options = options
    }

    /// The head of the first backup.
    public var firstHead: BackupHead? { chain.first }

    /// Demands that the history goes through a tree that somebody knows. Call it before ``add(_:progress:)``.
    public func require(_ root: TrustedRoot) { chain.require(root) }

    /// Verifies and writes a backup, to its end.
    ///
    /// - Parameters:
    ///   - reader: the backup, of which nothing but the head was read.
    ///   - progress: called after each chunk with the number of entries so far.
    /// - Throws: `otherHistory` or `foreignDatabase` if it does not continue the one before; `corruption` with the place,
    ///   `tampered`; `noSpace` and the operating system's errors. The restore must be given up then.
    public func add(
        _ reader: inout BackupReader, progress: (TreeSize) -> Void = { _ in }
    ) throws(StoreError) {
        do throws(StoreError) {
            try chain.begin(reader.head)
        } catch {
            throw error.placed(reader.name)
        }
        let ledger = try openedLedger(reader.head)
        var offset = reader.offset
        while let part = try reader.next() {
            do throws(StoreError) {
                switch part {
                case .chunk(let chunk): try add(chunk, to: ledger)
                case .trailer(let trailer): try chain.end(trailer)
                }
            } catch {
                throw error.placed("\(reader.name), byte \(offset)")
            }
            offset = reader.offset
            progress(chain.tree.size)
        }
    }

    private func openedLedger(_ head: BackupHead) throws(StoreError) -> Ledger {
        if let ledger { return ledger }
        var settings = Ledger.Options()
        settings.segmentByteCount = options.segmentByteCount
        settings.newIdentity = keepsIdentity ? head.identity : nil
        let directory = "\(path)/ledger"
        try options.fileSystem.createDirectory(path)
        // Opening an existing ledger may write to it, and another process may have it open.
        guard try options.fileSystem.names(inDirectory: path).isEmpty else {
            throw StoreError(.inUse, "\(path) is not empty: restore into an empty folder")
        }
        let opened = try Ledger(
            directory: directory, fileSystem: options.fileSystem, options: settings,
            log: options.log)
        ledger = opened
        return opened
    }

    private func add(_ chunk: BackupChunk, to ledger: Ledger) throws(StoreError) {
        let cut = until.map { EntryIndex($0.rawValue) }
        try chain.add(chunk, cuttingAt: cut) { entries, tree throws(StoreError) in
            for entry in entries {
                try requirePossible(entry)
                try noteBatch(entry)
            }
            guard tree.size <= until ?? .max else { return }
            try write(entries, tree, to: ledger)
        }
    }

    /// Appends a frame to the ledger.
    private func write(
        _ entries: [BackupEntry], _ tree: MerkleAccumulator, to ledger: Ledger
    ) throws(StoreError) {
        let payload = FrameBuffer.payloadByteCount(
            keyAndValueByteCount: entries.reduce(0) { $0 + $1.key.count + $1.value.count },
            entryCount: entries.count)
        let position = try ledger.prepareFrame(payloadByteCount: payload)
        frame.begin(firstIndex: entries[0].index, at: position, payloadByteCount: payload)
        for entry in entries {
            _ = frame.add(
                kind: entry.kind.rawValue, key: entry.key, value: entry.value,
                isEndOfBatch: entry.isEndOfBatch)
        }
        restored = TrustedRoot(size: tree.size, root: tree.root)
        frame.end(root: restored.root)
        try ledger.append(frame, timeMicroseconds: entries[0].timeMicroseconds)
    }

    /// Refuses an entry that no append has ever let in: the kind is in no leaf, and the index could not be made.
    private func requirePossible(_ entry: BackupEntry) throws(StoreError) {
        let key = entry.key
        var isPossible = (1...Limits.keyByteCount).contains(key.count) && key[0] != 0
        if entry.kind == .sortedSetMember {
            let start = SortedSetKey.scoreStart(
                keyByteCount: key.count, memberByteCount: entry.value.count)
            isPossible =
                isPossible && start.map { $0 > 0 } == true
                && key.suffix(entry.value.count).elementsEqual(entry.value)
        }
        guard isPossible else {
            throw StoreError(
                .tampered,
                "entry \(entry.index) cannot have the key that it has: somebody changed it, or its kind"
            )
        }
    }

    /// Refuses a size that would cut a batch in two: a batch is stored whole, or not at all.
    private func noteBatch(_ entry: BackupEntry) throws(StoreError) {
        if entry.index.rawValue + 1 == until?.rawValue, !entry.isEndOfBatch {
            cutBatch = batchFirst
        }
        guard entry.isEndOfBatch else { return }
        let next = EntryIndex(entry.index.rawValue + 1)
        if let cutBatch, let until {
            throw StoreError(
                .indexNotFound,
                "the size \(until) is inside of a batch, which is stored whole or not at all: give \(cutBatch) "
                    + "or \(next)")
        }
        batchFirst = next
    }

    /// Makes the ledger durable.
    ///
    /// - Returns: the tree of the restored entries.
    /// - Throws: `otherHistory` if a required tree, or `until`, lies beyond the last backup; `tampered` if the last batch
    ///   does not end.
    public func finish() throws(StoreError) -> TrustedRoot {
        try chain.complete()
        if let until, until > chain.tree.size {
            throw StoreError(
                .otherHistory,
                "the backups hold \(chain.tree.size) entries, and \(until) are wanted")
        }
        guard batchFirst.rawValue == chain.tree.size.rawValue else {
            throw StoreError(
                .tampered,
                "the batch that begins with entry \(batchFirst) does not end: somebody changed the mark of its end"
            )
        }
        try ledger?.close()
        return restored
    }
}

extension StoreError {
    /// Returns the error with the place in a backup, if it is about the backup and not about the disk.
    fileprivate func placed(_ place: String) -> StoreError {
        switch code {
        case .corruption, .tampered, .otherHistory, .foreignDatabase, .incompatibleFormat:
            StoreError(code, "\(place): \(message)", cause: cause)
        default: self
        }
    }
}
