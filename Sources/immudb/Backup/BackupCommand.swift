import ArgumentParser
import BackupTools
import ImmudbBackup
import ImmudbServer
import ImmudbStore
import POSIX
import ProgramKit
import Terminal

struct BackupCommand: OfflineCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Back up the database of a stopped server.",
        discussion: """
            Writes all entries of the database in --dir (named --dbname) to a file, each verified, or with --since \
            those after an earlier backup. Until the file is complete and on disk it is <file>.part; run the same \
            command again after an interruption, and it goes on from there. A server that runs is backed up by \
            immuadmin backup. Users are not in it: copy immudbsys and immudbsys.key.
            """)

    @OptionGroup var flags: BackupFlags

    func run(in data: OfflineData) throws -> OfflineExitCode {
        let start = try BackupStart(flags.since)
        let path = flags.path()
        try start.requireOther(than: path)
        let server = try StoppedServer(
            directory: data.directory, databaseName: data.main.name, log: offlineLog)
        let result = Result { () throws(StoreError) in try write(server, since: start, to: path) }
        let closed = Result { () throws(StoreError) in try server.database.close() }
        let line = try result.get()
        try closed.get()
        // The standard output may be the backup.
        StandardError.write(line: line)
        return .done
    }

    private func write(
        _ server: StoppedServer, since start: BackupStart, to path: String
    ) throws(StoreError) -> String {
        guard path != "-" else {
            let backup = try server.backup(since: start.tree, resumingAt: nil)
            try start.requireSame(backup.head)
            try Self.output(backup.head.bytes)
            try write(backup, to: Self.output)
            return start.summary(to: backup.end, in: "the standard output")
        }
        let output = try BackupFile(path, replaces: flags.force)
        let backup: DatabaseBackup
        do throws(StoreError) {
            backup = try server.backup(
                since: start.tree, resumingAt: output.unfinished?.end)
            try start.requireSame(backup.head)
            try output.begin(backup.head)
        } catch {
            output.discardIfEmpty()
            guard error.code == .otherHistory, let hint = output.refusalHint else { throw error }
            throw StoreError(error.code, "\(error.message). Besides, \(hint)", cause: error.cause)
        }
        if let unfinished = output.unfinished, unfinished.end.size > start.tree.size {
            StandardError.write(
                line:
                    "\(path).part goes on after entry \(unfinished.end.size), where it was interrupted"
            )
        }
        try write(backup) { part throws(StoreError) in try output.append(part) }
        try output.complete()
        return start.summary(to: backup.end, in: path)
    }

    private func write(
        _ backup: DatabaseBackup, to sink: ([UInt8]) throws(StoreError) -> Void
    ) throws(StoreError) {
        let first = backup.head.start.size.rawValue
        var bar = ProgressBar("Backing up", total: backup.end.size.rawValue - first)
        defer { bar.finish() }
        try backup.write(
            bytesPerSecond: flags.rate?.bytesPerSecond,
            progress: { bar.update(to: $0.rawValue - first) }, to: sink)
    }

    private static func output(_ bytes: [UInt8]) throws(StoreError) {
        do {
            try FileDescriptor.standardOutput.writeAll(bytes)
        } catch {
            throw StoreError(.io, "cannot write to the standard output: \(error)")
        }
    }
}
