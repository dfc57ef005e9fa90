import ArgumentParser
import BackupTools
import ImmudbServer
import ImmudbStore
import ProgramKit
import StorageIO
import Terminal

/// The command `verify`.
struct VerifyCommand: OfflineCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check all files of a stopped server's databases.",
        discussion: """
            Reads every entry, computes the whole Merkle tree again, and compares it with the roots in the ledger, the \
            tree's files and the key index. Changes nothing. Names each damaged place, and tells an accident \
            (checksum) from a change by somebody (digest).

            The data folder and the database are those of the server: --dir and --dbname, their environment \
            variables, or the config file. The database of users, immudbsys, is checked as well.

            Exit code: 0 if all is whole, 3 if something is damaged or was changed, 1 if it could not be checked, \
            such as while a server has the folder open, or if a flag is wrong.
            """)

    @Option(
        help: ArgumentHelp(
            "Root that the history must have: <hex>@<size>, or a client's root file, or a receipt.",
            valueName: "root"))
    var root: String?

    @Option(help: ArgumentHelp("Mebibytes to read in a second, at most.", valueName: "MiB"))
    var rate: Rate?

    @Option(
        help: ArgumentHelp(
            "File that keeps how far the check is: a check that is stopped goes on from there.",
            valueName: "file"), completion: .file())
    var state: String?

    @Flag(help: "Print one JSON document.")
    var json = false

    func validate() throws {
        if let root { _ = try RootWord.root(root) }
    }

    func run(in data: OfflineData) throws -> OfflineExitCode {
        let states = try state.map { try VerificationStateFile($0) }
        var results: [VerifiedDatabase] = []
        for database in data.databases {
            let isMain = database.name == data.main.name
            if !isMain, try !POSIXFileSystem().exists(database.path) { continue }
            results.append(try verify(database, isMain: isMain, states))
            if !json { results.last?.print() }
        }
        if json { try VerifiedDatabase.printJSON(results) }
        if results.contains(where: \.isDamaged) { return .damaged }
        if results.contains(where: { $0.failure != nil }) { return .failed }
        try states?.remove()
        return .done
    }

    private func verify(
        _ database: OfflineData.Database, isMain: Bool, _ states: VerificationStateFile?
    ) throws -> VerifiedDatabase {
        let progress = OfflineProgress("Checking \(database.name)")
        var options = VerificationOptions()
        options.expectedRoot = try isMain ? root.map { try RootWord.root($0) } : nil
        options.bytesPerSecond = rate.map { UInt64($0.bytesPerSecond) }
        options.progress = { progress.update($0, of: $1) }
        options.resumed = states?.state(of: database.name)
        if let states { options.onState = { states.set($0, of: database.name) } }
        defer { progress.finish() }
        do throws(StoreError) {
            let report = try Database.verify(at: database.path, options: options)
            progress.finish()
            if let failure = states?.failure { throw StoreError(.io, failure) }
            return VerifiedDatabase(database, .success(report))
        } catch {
            progress.finish()
            return VerifiedDatabase(database, .failure(error))
        }
    }
}

/// A root on a command line.
enum RootWord {
    static func root(_ word: String) throws(ValidationError) -> TrustedRoot {
        do {
            return try KnownRoot.read(word)
        } catch {
            throw ValidationError("--root: \(error.message)")
        }
    }
}
