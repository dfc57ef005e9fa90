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
    private var held = HeldEntries()
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
            if entries.last?.isEndOfBatch == true {
                try write(entries, tree, to: ledger)
            } else {
                try held.append(hashed.chunk, entries)
            }
        }
    }

    /// Appends a frame to the ledger: the entries that are held, and others that follow them.
    private func write(
        _ entries: [BackupEntry], _ tree: MerkleAccumulator, to ledger: Ledger
    ) throws(StoreError) {
        let before = held
        held = HeldEntries()
        let payload = before.payloadByteCount(with: entries)
        let position = try ledger.prepareFrame(payloadByteCount: payload)
        let (first, time) = before.first ?? (entries[0].index, entries[0].timeMicroseconds)
        frame.begin(firstIndex: first, at: position, payloadByteCount: payload)
        try before.forEach { add($0) }
        for entry in entries { add(entry) }
        restored = TrustedRoot(size: tree.size, root: tree.root)
        frame.end(root: restored.root)
        try ledger.append(frame, timeMicroseconds: time)
    }

    private func add(_ entry: BackupEntry) {
        _ = frame.add(
            kind: entry.kind.rawValue, key: entry.key, value: entry.value,
            isEndOfBatch: entry.isEndOfBatch)
    }

    /// Refuses an entry that no append has ever let in: the kind is in no leaf, and the index could not be made.
    private func requirePossible(_ entry: BackupEntry) throws(StoreError) {
        let key = entry.key
        func isKey(_ bytes: UnsafeRawBufferPointer) -> Bool {
            (1...Limits.keyByteCount).contains(bytes.count) && bytes[0] != 0
        }
        var isPossible = isKey(key)
        switch entry.kind {
        case .value: break
        case .reference:
            isPossible = isPossible && isKey(entry.value)
        case .sortedSetMember:
            let start = SortedSetKey.scoreStart(
                keyByteCount: key.count, memberByteCount: entry.value.count)
            isPossible =
                isPossible && isKey(entry.value)
                && start.map { $0 > 0 && !key.score(at: $0).isNaN } == true
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

/// The beginning of a batch that goes on in the next chunk: a frame ends with a batch.
///
/// Memory: the chunks that hold it, and no more than a frame can have.
private struct HeldEntries {
    private(set) var first: (index: EntryIndex, timeMicroseconds: Int64)?
    private var chunks: [BackupChunk] = []
    private var keyAndValueByteCount = 0
    private var entryCount = 0
    /// The entries of the batch that has not ended.
    private var openEntryCount = 0

    /// Adds entries up to the end of a chunk.
    ///
    /// - Throws: `tampered` if no frame, or no batch, could hold them.
    mutating func append(
        _ chunk: BackupChunk, _ entries: [BackupEntry]
    ) throws(StoreError) {
        let start = first ?? (entries[0].index, entries[0].timeMicroseconds)
        let tail = entries.reversed().prefix { !$0.isEndOfBatch }.count
        openEntryCount = tail == entries.count ? openEntryCount + tail : tail
        guard payloadByteCount(with: entries) <= maximumFramePayloadByteCount,
            openEntryCount <= Limits.batchEntryCount
        else {
            throw StoreError(
                .tampered,
                "the batch that begins with entry \(start.index) or later does not end: somebody changed the mark of "
                    + "its end")
        }
        first = start
        chunks.append(chunk)
        keyAndValueByteCount += entries.keyAndValueByteCount
        entryCount += entries.count
    }

    /// Returns the bytes of the payload of a frame with these entries and others.
    func payloadByteCount(with entries: [BackupEntry]) -> Int {
        FrameBuffer.payloadByteCount(
            keyAndValueByteCount: keyAndValueByteCount + entries.keyAndValueByteCount,
            entryCount: entryCount + entries.count)
    }

    func forEach(_ body: (BackupEntry) -> Void) throws(StoreError) {
        guard let first else { return }
        for chunk in chunks {
            try chunk.forEachEntry { entry throws(StoreError) in
                if entry.index >= first.index { body(entry) }
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The score in the key of a member of a sorted set.
    fileprivate func score(at offset: Int) -> Double {
        Double(
            bitPattern: UInt64(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
    }
}

extension [BackupEntry] {
    fileprivate var keyAndValueByteCount: Int { reduce(0) { $0 + $1.key.count + $1.value.count } }
}
