import ArgumentParser
import ImmudbBackup
import ImmudbServer
import ImmudbStore
import POSIX
import ProgramKit
import Terminal

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

struct BackupCommand: OfflineCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Back up the database of a stopped server.",
        discussion: """
            Writes all entries of the database in --dir (named --dbname) to a file, each verified, or with --since \
            those after an earlier backup. Until the file is complete and on disk it is <file>.part; run the same \
            command again after an interruption, and it goes on from there. A server that runs is backed up by \
            immuadmin backup. Users are not in it: copy immudbsys and immudbsys.key.
            """)

    @Argument(
        help: ArgumentHelp(
            "Path of the file, or - for the standard output (default: immudb_<date>_<time>.backup).",
            valueName: "file"), completion: .file())
    var file: String?

    @Option(
        help: ArgumentHelp(
            "Only what is newer than this backup, or than a root, <hex>@<size>.",
            valueName: "backup"),
        completion: .file())
    var since: String?

    @Option(help: ArgumentHelp("Mebibytes to read in a second, at most.", valueName: "MiB"))
    var rate: Rate?

    @Flag(help: "Replace the file if it exists.")
    var force = false

    func run(in data: OfflineData) throws -> OfflineExitCode {
        let start = try BackupStart(since)
        if let file { try start.requireOther(than: file) }
        let server = try StoppedServer(
            directory: data.directory, databaseName: data.main.name, log: offlineLog)
        let result = Result { () throws(StoreError) in try write(server, since: start) }
        let closed = Result { () throws(StoreError) in try server.database.close() }
        let line = try result.get()
        try closed.get()
        // The standard output may be the backup.
        StandardError.write(line: line)
        return .done
    }

    private func write(
        _ server: StoppedServer, since start: BackupStart
    ) throws(StoreError) -> String {
        guard file != "-" else {
            let backup = try server.backup(since: start.tree, resumingAt: nil)
            try start.requireSame(backup.head)
            try Self.output(backup.head.bytes)
            try write(backup, to: Self.output)
            return start.summary(to: backup.end, in: "the standard output")
        }
        let path = file ?? localTime("immudb_%Y-%m-%d_%H-%M-%S.backup")
        let output = try BackupFile(path, replaces: force)
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
            bytesPerSecond: rate?.bytesPerSecond,
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

/// Returns the time, for the name of a file.
func localTime(_ format: String) -> String {
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    var buffer = [CChar](repeating: 0, count: 128)
    let count = strftime(&buffer, buffer.count, format, &parts)
    return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
