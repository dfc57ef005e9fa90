import ArgumentParser
import ClientKit
import ImmudbClient
import ProgramKit
import Terminal

struct ZScanCommand: ImmuclientCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "zscan", alias: "zscn",
        abstract: "Print the entries of a sorted set's members, by score.",
        discussion: """
            A member that was added with several scores is printed once for each. The server returns no \
            scores: with --scores, and with --json unless there is --no-scores, each is looked up by \
            some tens of small calls, which run side by side.
            """)
    static let printsEntries = true

    /// No server ends an answer before it has this many bytes.
    private static let wholeByteCount = 16 << 20

    @Argument(help: "Name of the sorted set.")
    var set: String
    @OptionGroup var walk: WalkFlags

    @Option(
        help: ArgumentHelp(
            "begin with the members of this score, in the order of printing", valueName: "score"))
    var offset: String?

    @Option(
        help: ArgumentHelp(
            "end with the members of this score, in the order of printing", valueName: "score"))
    var until: String?

    @Flag(
        inversion: .prefixedNo, exclusivity: .exclusive,
        help: "print the scores; with --json they are printed without this flag, too")
    var scores: Bool?

    private var setBytes: [UInt8] { Array(set.utf8) }
    var givenNames: [GivenName] { [GivenName(.set, setBytes)] }

    func validate() throws {
        for text in [offset, until] { _ = try text.map(Score.parse) }
    }

    func run(in context: CommandContext) async throws {
        try requirePlaceForScores(in: context.output.format)
        let client = try await context.client
        let printsScores = scores ?? (context.output.format == .json)
        let needsAll = scores == true || offset != nil || until != nil
        let isBounded = printsScores || needsAll
        // Finding scores, or the positions of scores, needs all members in their order.
        var entries = try await client.zScan(
            setBytes, limit: isBounded ? .max : walk.most, reverse: walk.reverse && !isBounded)
        let exists = !entries.isEmpty
        var found = [Double?](repeating: nil, count: entries.count)
        let isWhole = entries.count >= walk.most || byteCount(entries) < Self.wholeByteCount
        if isBounded, !isWhole {
            guard !needsAll else { throw Self.cutShort(entries.count) }
            // The scores are optional: the members are printed without them.
            entries = try await client.zScan(setBytes, limit: walk.most, reverse: walk.reverse)
            found = Array(repeating: nil, count: entries.count)
        } else if isBounded {
            let search = ScoreSearch(client, set: setBytes, members: entries.map(\.key))
            let range = try await range(search)
            if printsScores { found = try await search.scores(at: range) }
            (entries, found) = (Array(entries[range]), Array(found[range]))
            if walk.reverse { (entries, found) = (entries.reversed(), found.reversed()) }
        }
        var printer = ListPrinter(to: context.output, most: walk.most)
        for (entry, score) in zip(entries, found) { try printer.add(entry, score: score) }
        try printer.flush()
        if entries.isEmpty { explainNothing(exists: exists, context.output.format) }
        if !isWhole { throw Self.cutShort(entries.count) }
    }

    /// - Throws: `UsageError` if scores are requested in a format that does not print them.
    private func requirePlaceForScores(in format: Output.Format) throws {
        guard scores == true, format == .values else { return }
        throw UsageError(
            "flag --scores: with --value-only nothing but values is printed. Leave one of them out",
            program: Immuclient.name, command: CommandWords(of: Self.self))
    }

    /// Warns why nothing was printed. A set exists while it has members, which are never removed.
    private func explainNothing(exists: Bool, _ format: Output.Format) {
        let name = GivenName(.set, setBytes).quoted
        StandardError.write(
            warning: exists
                ? "no member of set \(name) has a score in that range" : "there is no set \(name)",
            format)
    }

    /// Returns the positions of the members to be printed.
    private func range(_ search: ScoreSearch) async throws -> Range<Int> {
        let (first, last) = (try offset.map(Score.parse), try until.map(Score.parse))
        let range = try await search.positions(
            from: walk.reverse ? last : first, to: walk.reverse ? first : last)
        let count = Int(clamping: min(walk.most, UInt64(range.count)))
        return walk.reverse
            ? range.upperBound - count..<range.upperBound
            : range.lowerBound..<range.lowerBound + count
    }

    private func byteCount(_ entries: [Entry]) -> Int {
        // An index and the lengths take less than this.
        entries.reduce(0) { $0 + $1.key.count + $1.value.count + 32 }
    }

    private static func cutShort(_ count: Int) -> ToolError {
        ToolError(
            "PERHAPS CUT SHORT: the server returned \(count) members, about as many as an answer holds, "
                + "and does not say whether there are more. --limit without --scores, --offset and "
                + "--until takes fewer from either end (--reverse)",
            code: "CutShort")
    }
}
