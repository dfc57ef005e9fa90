import ArgumentParser
import ClientKit

struct DumpCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "dump", alias: "b", abstract: "Write all entries to a file.",
        discussion: DumpFile.discussion)

    @Argument(
        help: ArgumentHelp(
            "Path of the file (default: immudb_<date>_<time>.bkp).", valueName: "file"))
    var file: String?

    func run(in context: CommandContext) async throws {
        try context.output.write(
            await DumpFile(path: file).write { try await context.client })
    }
}
