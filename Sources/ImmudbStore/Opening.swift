import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// Opens a folder: takes its lock, recovers the ledger, and brings the views up to it.
struct Opening {
    let path: String
    let fileSystem: any FileSystem
    let options: Database.Options
    let log: LogSink

    struct Opened {
        var storage: Storage
        var tree: MerkleAccumulator
        var lock: any FileLock
    }

    init(path: String, options: Database.Options) {
        self.path = path
        self.options = options
        fileSystem = options.fileSystem
        log = options.log
    }

    private var ledgerPath: String { "\(path)/ledger" }
    private var treePath: String { "\(path)/tree" }
    private var indexPath: String { "\(path)/index" }

    func run() throws(StoreError) -> Opened {
        try fileSystem.createDirectory(path)
        let lock = try fileSystem.lock("\(path)/LOCK")
        try refuseForeignFolder()
        var ledgerOptions = Ledger.Options()
        ledgerOptions.segmentByteCount = options.segmentByteCount
        let ledger = try Ledger(
            directory: ledgerPath, fileSystem: fileSystem, options: ledgerOptions,
            wasAcknowledged: { index, identity throws(StoreError) in
                try TreeView.witnesses(
                    index, directory: treePath, identity: identity, fileSystem: fileSystem)
            }, log: log)
        let tree = try TreeView(
            directory: treePath, identity: ledger.identity, fileSystem: fileSystem, log: log)
        var storage = try storage(ledger, tree)
        let grown: MerkleAccumulator
        do throws(StoreError) {
            grown = try CatchUp(storage, isWitness: options.durability == .always).run()
        } catch {
            // Damage of the key index that its opening did not see: it is made anew, once.
            guard try fileSystem.exists(Storage.damagedIndexMark(path)) else { throw error }
            storage.close()
            storage = try self.storage(ledger, tree)
            grown = try CatchUp(storage, isWitness: options.durability == .always).run()
        }
        return Opened(storage: storage, tree: grown, lock: lock)
    }

    private func storage(_ ledger: Ledger, _ tree: TreeView) throws(StoreError) -> Storage {
        Storage(
            path: path, ledger: ledger, tree: tree, index: try openIndex(ledger),
            fileSystem: fileSystem, log: log)
    }

    /// Refuses to begin a new database where something else is, or where a database was.
    private func refuseForeignFolder() throws(StoreError) {
        let names = Set(try fileSystem.names(inDirectory: path))
            .subtracting(["LOCK", "index.damaged"])
        let inLedger = names.contains("ledger") ? try fileSystem.names(inDirectory: ledgerPath) : []
        guard !inLedger.contains(where: { $0.hasSuffix(".segment") }) else { return }
        let views = names.intersection(["tree", "index"])
        guard views.isEmpty else {
            throw StoreError(
                .corruption,
                "\(ledgerPath) holds no segments, but \(path) was a database: it has \(views.sorted()). "
                    + "The history is missing. Restore the folder from a backup, or name another one"
            )
        }
        guard names.subtracting(["ledger"]).isEmpty else {
            throw StoreError(
                .incompatibleFormat,
                "\(path) is not empty and holds no database of this version: it has "
                    + "\(names.sorted().prefix(5).joined(separator: ", ")). Name an empty or new folder, "
                    + "or open it with the program that wrote it")
        }
    }

    private func openIndex(_ ledger: Ledger) throws(StoreError) -> KeyIndex {
        var indexOptions = KeyIndex.Options()
        indexOptions.cacheByteCount = options.indexCacheByteCount
        indexOptions.log = log
        try requireSpaceForIndex()
        let mark = Storage.damagedIndexMark(path)
        do throws(StoreError) {
            guard try !fileSystem.exists(mark) else {
                throw StoreError(.corruption, "\(indexPath) was found damaged")
            }
            let index = try KeyIndex.open(
                at: indexPath, identity: ledger.identity, fileSystem: fileSystem,
                options: indexOptions)
            if index.completeSize <= ledger.size { return index }
            log(.warning, "\(indexPath) is ahead of the ledger; it is made anew now")
            index.close()
        } catch {
            switch error.code {
            case .corruption, .foreignDatabase, .incompatibleFormat, .index:
                log(.warning, "\(error). That is done now")
            default: throw error
            }
        }
        try KeyIndex.remove(at: indexPath, fileSystem: fileSystem)
        try fileSystem.removeFile(mark)
        return try KeyIndex.open(
            at: indexPath, identity: ledger.identity, fileSystem: fileSystem,
            options: indexOptions)
    }

    /// RocksDB writes some small files when it opens, and on a full disk an assertion of its own
    /// ends the process: no status of it could be answered to.
    private func requireSpaceForIndex() throws(StoreError) {
        let needed: UInt64 = 4 << 20
        let free = try fileSystem.freeSpace(at: path).byteCount
        guard free >= needed else {
            throw StoreError(
                .noSpace,
                "only \(free) bytes are free for \(path), and opening it takes up to \(needed). "
                    + "Nothing was changed. Free some space and start again")
        }
    }
}
