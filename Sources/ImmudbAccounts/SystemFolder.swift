import ImmudbStore

/// Finds and opens the accounts in a data folder.
enum SystemFolder {
    static func database(in directory: String) -> String { path(directory, Accounts.databaseName) }
    static func keyFile(in directory: String) -> String { path(directory, Accounts.keyFileName) }

    private static func path(_ directory: String, _ name: String) -> String {
        directory.hasSuffix("/") ? directory + name : directory + "/" + name
    }

    static func open(
        in directory: String, _ options: Accounts.Options
    ) throws(SystemFolderError) -> Database {
        var settings = Database.Options()
        settings.resources = options.resources
        settings.log = options.log
        settings.cancellation = options.cancellation
        settings.selfCheck = options.selfCheck
        settings.servesDamaged = options.servesDamaged
        settings.fileSystem = options.fileSystem
        // An act takes a few hundred bytes.
        settings.segmentByteCount = 8 << 20
        settings.openSegmentCount = Accounts.openSegmentCount
        settings.openIndexFileCount = Accounts.openIndexFileCount
        settings.indexCacheByteCount = 4 << 20
        do {
            return try Database.open(at: database(in: directory), options: settings)
        } catch {
            throw SystemFolderError("\(error)", isCancellation: error.code == .cancelled)
        }
    }
}

/// The reason why the accounts of a folder cannot be opened, as a message for the operator.
public struct SystemFolderError: Error, Hashable, CustomStringConvertible {
    public let message: String
    /// Whether the caller itself cancelled the opening.
    public let isCancellation: Bool

    init(_ message: String, isCancellation: Bool = false) {
        self.message = message
        self.isCancellation = isCancellation
    }

    public var description: String { message }
}
