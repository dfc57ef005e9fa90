import ArgumentParser
import ClientKit

struct DumpCommand: AdminCommand {
    static let configuration = CommandConfiguration.command(
        "dump", abstract: "Write all entries to a file.", discussion: DumpFile.discussion)

    @Argument(
        help: ArgumentHelp(
            "Path of the file (default: immudb_<date>_<time>.bkp).", valueName: "file"))
    var file: String?

    func run(in context: AdminContext) async throws {
        let dump = DumpFile(path: file)
        let report = try await context.withAdministrator { client in
            try await dump.write { client }
        }
        try context.output.write(report)
    }
}
