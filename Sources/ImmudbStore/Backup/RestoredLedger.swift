import ImmudbBackup
import ImmudbModel
import Ledger
import MerkleTree
import StorageIO

/// The ledger that a restore writes: verifies chunks in their order, and appends their entries in the frames of the
/// original.
///
/// `@unchecked Sendable`: one thread at a time; ``DatabaseRestore`` passes it to another one, and waits for that one's
/// end.
final class RestoredLedger: @unchecked Sendable {
    private let path: String
    private let options: Database.Options
    private let keepsIdentity: Bool
    private let until: TreeSize?
    var chain = BackupChain()
    private var ledger: Ledger?
    private let frame = FrameBuffer()
    /// The tree of the entries that were written.
    private var restored = TrustedRoot.empty
    /// The first entry of the batch through which `until` cuts.
    private var cutBatch: EntryIndex?
    private var batchFirst = EntryIndex(0)

    /// See ``DatabaseRestore/init(in:keepsIdentity:until:options:)``.
    init(
        in path: String, keepsIdentity: Bool, until: TreeSize?, options: Database.Options
    ) {
        self.path = path
        self.keepsIdentity = keepsIdentity
        self.until = until
        self.options = options
    }

    /// Begins a backup; creates the ledger for the first one.
    func begin(_ head: BackupHead) throws(StoreError) -> Ledger {
        try chain.begin(head)
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

    /// Verifies a chunk, and writes it.
    func add(_ hashed: HashedChunk, to ledger: Ledger) throws(StoreError) {
        let cut = until.map { EntryIndex($0.rawValue) }
        try chain.add(hashed, cuttingAt: cut) { entries, tree throws(StoreError) in
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
    func finish() throws(StoreError) -> TrustedRoot {
        try chain.complete()
        if let until, until > chain.tree.size {
            throw StoreError(
                .indexNotFound,
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
