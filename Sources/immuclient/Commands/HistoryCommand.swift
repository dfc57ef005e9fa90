import ArgumentParser
import ClientKit
import ImmudbClient
import ProgramKit

struct HistoryCommand: ImmuclientCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "history", alias: "h", abstract: "Print all entries of a key, newest first.",
        discussion: """
            With --reverse the oldest comes first; all entries are then held in memory before the \
            first one is printed.
            """)
    static let printsEntries = true

    @Argument(help: "Key of the entries.")
    var key: String
    @OptionGroup var walk: WalkFlags
    @OptionGroup var bounds: IndexBounds

    var givenNames: [GivenName] { [GivenName(.existingKey, Array(key.utf8))] }

    func run(in context: CommandContext) async throws {
        let range = bounds.range(isDescending: !walk.reverse)
        var printer = ListPrinter(to: context.output, most: walk.most)
        var newestFirst: [Entry] = []
        for try await entry in try await context.client.versions(of: Array(key.utf8)) {
            guard entry.index.rawValue >= range.lowerBound, !printer.isFull else { break }
            guard entry.index.rawValue < range.upperBound else { continue }
            if walk.reverse { newestFirst.append(entry) } else { try printer.add(entry) }
        }
        for entry in newestFirst.reversed() { try printer.add(entry) }
        try printer.flush()
    }
}
