import ArgumentParser
import ImmudbBackup
import ImmudbServer
import ImmudbStore
import POSIX
import ProgramKit
import Synchronization
import Terminal

struct RestoreCommand: OfflineCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a data folder from backups.",
        discussion: """
            Verifies a full backup and the incremental ones after it, entry by entry, and makes the new folder --dir \
            of them, with the database --dbname. The folder gets its name when everything is verified and on disk. The \
            restored server has the identity of the old one: clients notice nothing. Name roots that clients or you \
            remember with --root: only they show that a backup is of the right history.
            """)

    @Argument(
        help: ArgumentHelp(
            "The full backup, then incremental ones in their order; - for the standard input.",
            valueName: "backup"), completion: .file())
    var backups: [String]

    @Option(
        help: ArgumentHelp(
            "Compare with a root that is known: <hex>@<size>, or a client's root file, or a receipt.",
            valueName: "root"))
    var root: String?

    @Option(help: ArgumentHelp("Restore the first so many entries only.", valueName: "size"))
    var untilSize: UInt64?

    @Flag(help: "Make another server of it, which clients do not know.")
    var newIdentifier = false

    func validate() throws {
        if backups.count(where: { $0 == "-" }) > 1 {
            throw ValidationError("there is one standard input: give - once")
        }
        if let untilSize, TreeSize(rawValue: untilSize) == nil {
            throw ValidationError("--until-size is \(untilSize): no database is so large")
        }
    }

    func run(in data: OfflineData) throws -> OfflineExitCode {
        var options = FolderRestore.Options(directory: data.directory)
        options.databaseName = data.main.name
        options.keepsIdentity = !newIdentifier
        options.until = untilSize.flatMap { TreeSize(rawValue: $0) }
        if let root { options.knownRoots = [try KnownRoot.read(root)] }
        // How much there will be is known at the end only: of the last backup, if it is a file.
        let total = backups.last.flatMap { try? PreviousBackup(path: $0).trailer.end.size.rawValue }
        let bar = Mutex(ProgressBar("Restoring", total: total ?? 0))
        options.progress = { size in
            if total != nil { bar.withLock { $0.update(to: size.rawValue) } }
        }
        defer { bar.withLock { $0.finish() } }
        let tree = try FolderRestore(options).run(backups) { name throws(StoreError) in
            if name == "-" { return try Self.standardInput() }
            return try BackupReader(path: name)
        }
        bar.withLock { $0.finish() }
        print("SUCCESS: \(tree.size) entries are restored to \(data.directory), root \(tree.text)")
        if root == nil {
            StandardError.write(
                line: "Compare the root with one that you or your clients know: --root does that")
        }
        return .done
    }

    private static func standardInput() throws(StoreError) -> BackupReader {
        try BackupReader("the standard input") { buffer throws(StoreError) in
            var done = 0
            do {
                while done < buffer.count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                    let count = try FileDescriptor.standardInput.read(into: rest)
                    if count == 0 { break }
                    done += count
                }
            } catch {
                throw StoreError(.io, "cannot read the standard input: \(error)")
            }
            return done
        }
    }
}
