import ImmudbAccounts
public import ImmudbBackup
public import ImmudbStore
package import StorageIO

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Makes the data folder of a server of a full backup and its incrementals.
///
/// Everything is made in a folder beside it, `<dir>.unfinished-<8 digits>`, which gets its name when all of it is verified
/// and on disk. A restore that is interrupted leaves that folder, which nothing uses, or nothing.
public struct FolderRestore {
    public struct Options: Sendable {
        /// The new data folder: it must not exist, or be empty.
        public var directory: String
        /// The name of the database in it.
        public var databaseName = ServerOptions.defaultDatabaseName
        /// Whether clients are to take it for the server that was backed up. If not, it is a new server, and a new
        /// database.
        public var keepsIdentity = true
        /// How many entries to restore; nil for all.
        public var until: TreeSize?
        /// Trees that somebody knows, through which the history must go.
        public var knownRoots: [TrustedRoot] = []
        /// Called with the number of entries that are verified.
        public var progress: @Sendable (TreeSize) -> Void = { _ in }
        /// For tests: the file system below all files, and what removes a folder from it.
        package var fileSystem: any FileSystem = POSIXFileSystem()
        package var remove: @Sendable (String) -> Void = { path in
            try? FileManager.default.removeItem(atPath: path)
        }

        public init(directory: String) { self.directory = directory }
    }

    private let options: Options
    private let target: String
    private let unfinished: String
    private var fileSystem: any FileSystem { options.fileSystem }

    public init(_ options: Options) {
        self.options = options
        var target = options.directory
        while target.count > 1, target.hasSuffix("/") { target.removeLast() }
        self.target = target
        let digits = String(UInt32.random(in: 0 ... .max), radix: 16)
        unfinished =
            "\(target).unfinished-" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// Restores.
    ///
    /// - Parameters:
    ///   - names: the backups in their order, the full one first.
    ///   - open: opens one of them.
    /// - Returns: the tree that was restored.
    /// - Throws: `inUse` if the folder is not empty, and the errors of ``ImmudbStore/DatabaseRestore``. What was made is
    ///   removed then.
    public func run(
        _ names: [String], open: (String) throws(StoreError) -> BackupReader
    ) throws(StoreError) -> TrustedRoot {
        try requireNew()
        do throws(StoreError) {
            let tree = try restore(names, open: open)
            try complete()
            return tree
        } catch {
            options.remove(unfinished)
            throw error
        }
    }

    private func requireNew() throws(StoreError) {
        guard options.databaseName != Accounts.databaseName else {
            throw StoreError(
                .inUse,
                "\(options.databaseName) is the database of the users: name another one with --dbname"
            )
        }
        if let system = fileSystem as? POSIXFileSystem, system.isLinkOrMountPoint(target) {
            throw StoreError(
                .inUse,
                "\(target) is a link or a mount point, in whose place no folder can be put: restore into a new "
                    + "folder, of it or beside it")
        }
        guard !["", ".", ".."].contains(target.split(separator: "/").last ?? "") else {
            throw StoreError(
                .inUse,
                "\(target) is a folder in whose place none can be put: name it by its own name")
        }
        guard try fileSystem.exists(target) else { return }
        let names = try fileSystem.names(inDirectory: target)
        guard names.isEmpty else {
            throw StoreError(
                .inUse,
                "\(target) is not empty: restore into a new folder, and put it in the place of the old one"
            )
        }
        try requireReplaceable()
    }

    /// Puts an empty folder in the place of the one that exists: where that fails, as for a mount of a folder of the same
    /// file system, it would fail at the end.
    private func requireReplaceable() throws(StoreError) {
        try fileSystem.createDirectory(unfinished)
        do throws(StoreError) {
            try fileSystem.rename(unfinished, to: target)
        } catch {
            options.remove(unfinished)
            throw StoreError(
                .inUse,
                "\(target) cannot be replaced: restore into a new folder, in it or beside it",
                cause: error)
        }
    }

    private func restore(
        _ names: [String], open: (String) throws(StoreError) -> BackupReader
    ) throws(StoreError) -> TrustedRoot {
        var settings = Database.Options()
        settings.fileSystem = fileSystem
        let restore = DatabaseRestore(
            in: "\(unfinished)/\(options.databaseName)", keepsIdentity: options.keepsIdentity,
            until: options.until, options: settings)
        for root in options.knownRoots { restore.require(root) }
        for name in names {
            var reader = try open(name)
            try restore.add(&reader, progress: options.progress)
        }
        let tree = try restore.finish()
        try writeIdentifier(restore.firstHead?.serverIdentifier)
        var accounts = Accounts.Options()
        accounts.fileSystem = fileSystem
        do throws(SystemFolderError) {
            try OfflineAccounts.recordRestore(of: tree, in: unfinished, options: accounts)
        } catch {
            throw StoreError(.io, error.message)
        }
        return tree
    }

    private func writeIdentifier(_ known: [UInt8]?) throws(StoreError) {
        let identifier =
            (options.keepsIdentity ? known.flatMap { ServerIdentifier($0) } : nil) ?? .random()
        let file = try fileSystem.open(ServerIdentifier.path(in: unfinished), .createNew)
        try file.write(identifier.bytes, at: 0)
        try file.synchronize()
        try fileSystem.synchronizeDirectory(unfinished)
    }

    private func complete() throws(StoreError) {
        do throws(StoreError) {
            try fileSystem.rename(unfinished, to: target)
        } catch {
            throw StoreError(
                error.code, "\(error.message). Restore into another folder", cause: error.cause)
        }
        let parent = target.lastIndex(of: "/").map { String(target[..<$0]) } ?? "."
        try fileSystem.synchronizeDirectory(parent.isEmpty ? "/" : parent)
    }
}
