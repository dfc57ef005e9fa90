import ImmudbBackup
public import ImmudbStore
import POSIX
public import StorageIO

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The database of a data folder whose server is stopped, opened for a backup.
public struct StoppedServer: Sendable {
    public let database: Database
    private let name: String
    private let identifier: ServerIdentifier?

    /// Opens the database. Views that are missing are rebuilt, as at a start.
    ///
    /// - Throws: `inUse` while a server runs; `incompatibleFormat` if there is no database of that name.
    public init(
        directory: String, databaseName: String, log: @escaping LogSink = { _, _ in }
    ) throws(StoreError) {
        let path = ServerOptions(directory: directory, databaseName: databaseName).databasePath
        // Opening would create it.
        guard FileManager.default.fileExists(atPath: path + "/ledger") else {
            throw StoreError(
                .incompatibleFormat,
                "\(path) is not the folder of a database: name the data folder with --dir")
        }
        try Self.requireOwner(of: directory)
        do throws(ServerStartError) {
            identifier = try ServerIdentifier.existing(in: directory)
        } catch {
            throw StoreError(.corruption, error.message)
        }
        var options = Database.Options()
        options.log = log
        name = databaseName
        do throws(StoreError) {
            database = try Database.open(at: path, options: options)
        } catch  where error.code == .inUse {
            throw StoreError(
                .inUse, "\(error.message). immuadmin backup backs up a server that runs")
        }
    }

    /// Refuses to open the folder of another user: its server could not write the files that this process makes.
    private static func requireOwner(of directory: String) throws(StoreError) {
        let owner: UInt32
        do {
            owner = try POSIX.owner(of: directory)
        } catch {
            throw StoreError.system("cannot look at the folder", directory, error.rawValue)
        }
        guard owner != geteuid() else { return }
        throw StoreError(
            .permissionDenied,
            "the folder \(directory) is of the user with the number \(owner): run this as that user, whose "
                + "server could not write files of yours")
    }

    /// Begins a backup.
    ///
    /// - Parameters:
    ///   - previous: the tree of the backup to continue; the empty one for a full backup.
    ///   - unfinished: the tree of a backup that was begun, to continue it.
    public func backup(
        since previous: TrustedRoot, resumingAt unfinished: TrustedRoot?
    ) throws(StoreError) -> DatabaseBackup {
        var request = BackupRequest()
        request.name = name
        request.serverIdentifier = identifier?.bytes
        request.since = previous
        request.resumingAt = unfinished
        return try database.backup(request)
    }
}
