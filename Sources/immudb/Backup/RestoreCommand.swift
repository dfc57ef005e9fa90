import ArgumentParser
import BackupTools
import ImmudbBackup
import ImmudbServer
import ImmudbStore
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

    @OptionGroup var flags: RestoreFlags

    func run(in data: OfflineData) throws -> OfflineExitCode {
        var options = FolderRestore.Options(directory: data.directory)
        options.databaseName = data.main.name
        options.keepsIdentity = !flags.newIdentifier
        options.until = flags.until
        let root = try flags.knownRoot()
        options.knownRoots = root.map { [$0] } ?? []
        // How much there will be is known at the end only: of the last backup, if it is a file.
        let total = flags.statedSize
        let bar = Mutex(ProgressBar("Restoring", total: total ?? 0))
        options.progress = { size in
            if total != nil { bar.withLock { $0.update(to: size.rawValue) } }
        }
        defer { bar.withLock { $0.finish() } }
        let tree = try FolderRestore(options).run(flags.backups) { name throws(StoreError) in
            try BackupReader(named: name)
        }
        bar.withLock { $0.finish() }
        print("SUCCESS: \(tree.size) entries are restored to \(data.directory), root \(tree.text)")
        if root == nil {
            StandardError.write(line: RestoreFlags.advice)
        }
        return .done
    }
}
