import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// Opens the key index of a database, when the database is opened and again after a failure of the index.
struct IndexOpening: Sendable {
    private let path: String
    private let ledger: Ledger
    private let settings: KeyIndex.Options
    private let fileSystem: any FileSystem
    private let log: LogSink

    var indexPath: String { "\(path)/index" }
    private var damageMark: String { Storage.damagedIndexMark(path) }

    init(
        path: String, ledger: Ledger, barrier: LedgerBarrier, options: Database.Options,
        resources: KeyIndex.Resources
    ) {
        self.path = path
        self.ledger = ledger
        fileSystem = options.fileSystem
        log = options.log
        var settings = KeyIndex.Options()
        settings.resources = resources
        settings.maxOpenFiles = options.openIndexFileCount
        settings.log = options.log
        // If synchronizing fails, all writing is stopped when this returns.
        settings.beforeFlush = { try? barrier.synchronize() }
        self.settings = settings
    }

    /// Opens the key index, or rebuilds it if it is damaged, belongs to another database, or is ahead of the ledger.
    ///
    /// - Parameter size: the size of the ledger; nil if the index cannot be ahead of it.
    func open(at size: TreeSize?) throws(StoreError) -> KeyIndex {
        try requireSpace()
        do throws(StoreError) {
            guard try !fileSystem.exists(damageMark) else {
                throw StoreError(.corruption, "\(indexPath) was found damaged")
            }
            let index = try openFiles()
            if index.completeSize <= size ?? index.completeSize { return index }
            log(.warning, "\(indexPath) is ahead of the ledger; it is rebuilt now")
            index.close()
        } catch  where error.isDamageOfIndex {
            log(.warning, "\(error). That is done now")
        }
        return try rebuild()
    }

    /// Removes the files and opens an empty key index.
    func rebuild() throws(StoreError) -> KeyIndex {
        try KeyIndex.remove(at: indexPath, fileSystem: fileSystem)
        try fileSystem.removeFile(damageMark)
        return try openFiles()
    }

    private func openFiles() throws(StoreError) -> KeyIndex {
        try KeyIndex.open(
            at: indexPath, identity: ledger.identity, fileSystem: fileSystem, options: settings)
    }

    /// Checks the free space: opening writes some small files, and a disk that fills up meanwhile would leave the index
    /// half made.
    private func requireSpace() throws(StoreError) {
        let (neededByteCount, neededFileCount): (UInt64, UInt64) = (4 << 20, 8)
        let free = try fileSystem.freeSpace(at: path)
        guard free.byteCount >= neededByteCount else {
            throw StoreError(
                .noSpace,
                "only \(free.byteCount) bytes are free for \(path), and opening it takes up to "
                    + "\(neededByteCount). Nothing was changed. Free some space and start again")
        }
        if let fileCount = free.fileCount, fileCount < neededFileCount {
            throw StoreError(
                .noSpace,
                "only \(fileCount) more files (inodes) can be created for \(path), and opening it takes up "
                    + "to \(neededFileCount). Nothing was changed. Remove some files and start again"
            )
        }
    }
}

extension StoreError {
    /// Whether the key index has to be rebuilt.
    var isDamageOfIndex: Bool {
        [.corruption, .index, .foreignDatabase, .incompatibleFormat].contains(code)
    }
}
