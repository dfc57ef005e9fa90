import ImmudbStore
import StorageIO

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The folder in which a database is restored beside the one that a server has open, until it takes that one's place.
///
/// | name | |
/// | --- | --- |
/// | `.<database>.restoring` | is being made, and counts for nothing: removed at the next start |
/// | `.<database>.restored` | is whole: takes the place of the database, now or at the next start |
/// | `.<database>.replaced` | the empty database before, on its way out |
///
/// Folders of these names are removed unseen. So they are hidden, and a database cannot have such a name.
/// The rename from the first name to the second one is the moment from which on the restore counts. The server's new
/// identifier, if it gets one, is a file in the folder until it has its own place.
struct RestoreStage: Sendable {
    private let directory: String
    /// The folder of the database.
    private let database: String
    /// What the names begin with.
    private let prefix: String
    private let fileSystem: any FileSystem
    /// Removes a folder with everything in it, or does nothing.
    private let remove: @Sendable (String) -> Void

    init(
        _ options: ServerOptions, fileSystem: any FileSystem = POSIXFileSystem(),
        remove: @escaping @Sendable (String) -> Void = { path in
            try? FileManager.default.removeItem(atPath: path)
        }
    ) {
        directory = options.directory
        database = options.databasePath
        prefix = options.hiddenDatabasePath
        self.fileSystem = fileSystem
        self.remove = remove
    }

    private static let suffixes = (draft: ".restoring", whole: ".restored", replaced: ".replaced")

    /// Where the database is made.
    var draft: String { prefix + Self.suffixes.draft }
    private var whole: String { prefix + Self.suffixes.whole }
    private var replaced: String { prefix + Self.suffixes.replaced }

    /// Whether a restore may make, and remove, a folder of this name.
    static func usesName(_ name: String) -> Bool {
        name.hasPrefix(".")
            && [suffixes.draft, suffixes.whole, suffixes.replaced].contains { name.hasSuffix($0) }
    }

    private func identifierPath(in folder: String) -> String { ServerIdentifier.path(in: folder) }

    /// Removes what an interrupted restore has left.
    func discard() {
        for folder in [draft, replaced] { remove(folder) }
    }

    /// Makes the restore count: the next start completes what is still to be done, unless the power fails before
    /// ``complete()`` has made that durable.
    ///
    /// - Parameter identifier: the server's identifier from then on; nil if it stays.
    /// - Throws: the operating system's errors. Then the restore does not count.
    func commit(_ identifier: ServerIdentifier?) throws(StoreError) {
        if let identifier {
            let file = try fileSystem.open(identifierPath(in: draft), .createNew)
            try file.write(identifier.bytes, at: 0)
            try file.synchronize()
            try fileSystem.synchronizeDirectory(draft)
        }
        do throws(StoreError) {
            try fileSystem.rename(draft, to: whole)
        } catch {
            // A rename may be done although it reports an error. Where nobody can tell, the restore may count.
            if (try? fileSystem.exists(whole)) == false { throw error }
        }
    }

    /// Whether a restore counts that has not taken its place.
    var isCommitted: Bool {
        get throws(StoreError) { try fileSystem.exists(whole) }
    }

    /// Puts the restored database in its place. May be interrupted, and repeated.
    ///
    /// - Precondition: the database in that place is empty, and closed.
    func complete() throws(StoreError) {
        // First the name from which on it counts.
        try fileSystem.synchronizeDirectory(directory)
        if try fileSystem.exists(identifierPath(in: whole)) { try replaceIdentifier() }
        if try fileSystem.exists(database) {
            remove(replaced)
            try fileSystem.rename(database, to: replaced)
            try fileSystem.synchronizeDirectory(directory)
        }
        try fileSystem.rename(whole, to: database)
        try fileSystem.synchronizeDirectory(directory)
        // No more than a file that nothing reads is left behind if this fails.
        try? fileSystem.removeFile(identifierPath(in: database))
        remove(replaced)
    }

    private func replaceIdentifier() throws(StoreError) {
        let path = identifierPath(in: directory)
        let bytes = try fileSystem.open(identifierPath(in: whole), .readOnly)
            .read(byteCount: ServerIdentifier.byteCount, at: 0)
        let draft = "\(path).restored"
        try fileSystem.removeFile(draft)
        let file = try fileSystem.open(draft, .createNew)
        try file.write(bytes, at: 0)
        try file.synchronize()
        try fileSystem.rename(draft, to: path)
        try fileSystem.synchronizeDirectory(directory)
    }

    /// Completes or discards, before the database is opened, what a restore has left that was interrupted.
    ///
    /// - Returns: whether it was completed.
    /// - Throws: `inUse` if the database has entries, which no restore replaces.
    func recover() throws(StoreError) -> Bool {
        defer { discard() }
        guard try isCommitted else { return false }
        if try fileSystem.exists("\(database)/ledger") {
            var settings = Database.Options()
            settings.fileSystem = fileSystem
            let current = try Database.open(at: database, options: settings)
            let size = current.snapshot.size
            try current.close()
            guard size.isEmpty else {
                throw StoreError(
                    .inUse,
                    "\(whole) is a restored database, which can take the place of an empty one only, and \(database) "
                        + "has \(size) entries: remove one of them, or put it elsewhere")
            }
        }
        try complete()
        return true
    }
}
