import ArgumentParser
import ImmudbStore
import ProgramKit
import StorageIO
import Terminal

/// The command `repair`.
struct RepairCommand: OfflineCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Replace what is damaged in a stopped server's databases.",
        discussion: """
            Takes the entries that 'immudb verify' finds damaged, changed or missing from another copy of the data \
            folder, or from backups, and keeps all others, also those behind the damage. Nothing is replaced before \
            it is proven by a root of the damaged ledger, by its tree, or by --root; the other copy is not trusted, \
            and not changed. If the command is interrupted, each file is either the old one or the new one: run it \
            again.

            The data folder is that of the server: --dir and --dbname. Without --from, only files that follow from the \
            ledger, the tree and the key index, are made again at the next start.

            Exit code: 0 if all is whole now, 3 if damage is left, 1 if it could not be done, such as while a server \
            has the folder open, or if a flag is wrong.
            """)

    @Argument(
        help: ArgumentHelp(
            "More backups of the same database, such as incremental ones, in any order.",
            valueName: "backup"), completion: .file())
    var backups: [String] = []

    @Option(
        help: ArgumentHelp(
            "Data folder of another copy, or the folder of one database in it, or a backup.",
            valueName: "copy"), completion: .file())
    var from: String?

    @Option(
        help: ArgumentHelp(
            "Root that you trust: <hex>@<size>, or a client's root file, or a receipt. Proves entries if nothing else does.",
            valueName: "root"))
    var root: String?

    @Flag(help: "Print one JSON document.")
    var json = false

    func validate() throws {
        if let root { _ = try RootWord.root(root) }
        guard !backups.isEmpty else { return }
        guard let from else { throw ValidationError("name the first backup with --from") }
        if let other = ([from] + backups).first(where: { !POSIXFileSystem().isRegularFile($0) }) {
            throw ValidationError(
                "\(other) is not a file: give one folder with --from, or only backups")
        }
    }

    func run(in data: OfflineData) throws -> OfflineExitCode {
        var results: [RepairedDatabase] = []
        for database in data.databases {
            let isMain = database.name == data.main.name
            if !isMain, try !POSIXFileSystem().exists(database.path) { continue }
            results.append(try repair(database, isMain: isMain))
            if !json { results.last?.print() }
        }
        if json { try RepairedDatabase.printJSON(results) }
        if results.contains(where: \.isDamaged) { return .damaged }
        return results.contains { $0.failure != nil } ? .failed : .done
    }

    private func repair(
        _ database: OfflineData.Database, isMain: Bool
    ) throws -> RepairedDatabase {
        let progress = OfflineProgress("Repairing \(database.name)")
        defer { progress.finish() }
        var options = VerificationOptions()
        options.expectedRoot = try isMain ? root.map { try RootWord.root($0) } : nil
        options.progress = { progress.update($0, of: $1) }
        do throws(StoreError) {
            let report = try Database.repair(
                at: database.path, from: try source(of: database, isMain: isMain), options: options)
            progress.finish()
            return RepairedDatabase(database: database, result: .success(report))
        } catch {
            progress.finish()
            return RepairedDatabase(database: database, result: .failure(error))
        }
    }

    /// Returns where the entries of a database come from; nil if what was named does not have that one, as backups do not
    /// have the users.
    private func source(
        of database: OfflineData.Database, isMain: Bool
    ) throws(StoreError) -> RepairSource? {
        guard let from else { return nil }
        let files = POSIXFileSystem()
        if files.isRegularFile(from) { return isMain ? .backups([from] + backups) : nil }
        if try files.exists("\(from)/ledger") { return isMain ? .folder(from) : nil }
        let path = "\(from)/\(database.name)"
        if try files.exists("\(path)/ledger") { return .folder(path) }
        guard isMain else { return nil }
        throw StoreError(
            .io,
            "\(from) is neither a backup, nor a data folder with the database \(database.name), nor a database itself"
        )
    }
}
