import ArgumentParser
import ImmudbAccounts
import ImmudbServer
import ImmudbStore
import POSIX
import ProgramKit
import Terminal

/// A command on the data of a folder whose server is stopped.
///
/// The folder is that of the server, from the same sources: `--dir` and `--dbname`, the environment, the config file.
protocol OfflineCommand: FlaggedCommand, Sendable {
    /// Does the work, on a thread of its own.
    ///
    /// - Returns: the exit code.
    func run(in data: OfflineData) throws -> OfflineExitCode
}

/// The exit codes of the commands on a folder; those of the other programs for the same outcomes.
enum OfflineExitCode: Int32 {
    case done = 0
    /// The work could not be done.
    case failed = 1
    /// The data is damaged, or was changed, or is of another history.
    case damaged = 3

    init(_ error: StoreError) {
        self = error.isOfWrongData ? .damaged : .failed
    }
}

/// The data folder that a command is about.
struct OfflineData: Sendable {
    struct Database: Sendable {
        /// The name of its folder.
        let name: String
        let path: String
    }

    let directory: String
    /// The database of the clients.
    let main: Database
    /// The database of the users.
    let system: Database

    var databases: [Database] { [main, system] }

    /// - Throws: `SettingsError` for a flag of the server that says nothing about its folder.
    init(_ invocation: Invocation<Immudb>, of command: any OfflineCommand.Type) throws {
        let known = [ImmudbSettings.directory.key, ImmudbSettings.databaseName.key]
        if let other = invocation.flags.keys.sorted().first(where: { !known.contains($0) }) {
            throw SettingsError("flag --\(other): \(command._commandName) has no such flag")
        }
        let sources = try invocation.sources()
        // On the standard error, since the output may be for a program.
        if let announcement = sources.announcement { StandardError.write(line: announcement) }
        let values = try sources.values()
        for warning in values.warnings { StandardError.write(line: "Warning: \(warning)") }
        let options = ServerOptions(
            directory: values[ImmudbSettings.directory],
            databaseName: values[ImmudbSettings.databaseName])
        directory = options.directory
        main = Database(name: options.databaseName, path: options.databasePath)
        system = Database(name: Accounts.databaseName, path: options.systemDatabasePath)
    }
}

extension OfflineCommand {
    /// Finds the folder that a command line is about.
    func data(of invocation: Invocation<Immudb>) throws -> OfflineData {
        try OfflineData(invocation, of: Self.self)
    }

    /// Runs the command on a thread of its own: the work blocks, and must not take a thread of the tasks. A failure of the
    /// database is explained on the standard error.
    func perform(in data: OfflineData) async throws -> OfflineExitCode {
        let result: Result<OfflineExitCode, any Error> = await withCheckedContinuation {
            continuation in
            do {
                _ = try WorkerThread(name: Self._commandName) {
                    continuation.resume(returning: Result { try run(in: data) })
                }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        do {
            return try result.get()
        } catch let error as StoreError {
            StandardError.write(line: "Error: \(error)")
            return OfflineExitCode(error)
        }
    }
}
