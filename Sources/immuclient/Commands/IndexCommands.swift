import ArgumentParser
import ClientKit
import ImmudbClient
import MerkleTree
import ProgramKit
import RPCTransport

struct IScanCommand: ImmuclientCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "iscan", alias: "iscn",
        abstract: "Print entries in the order in which they were written.",
        discussion: """
            With a page number and a page size: the entries of that page. Without them: all entries. \
            References and the entries of sorted sets are among them, as they are stored.
            """)
    static let printsEntries = true

    @Argument(help: "Number of the page, from 1; 0 is the first page, too.")
    var pageNumber: String?
    @Argument(help: "Entries in a page.")
    var pageSize: String?
    @OptionGroup var walk: WalkFlags
    @OptionGroup var bounds: IndexBounds

    func validate() throws {
        guard let pageNumber else { return }
        guard let pageSize else {
            throw ValidationError("give a page number and a page size, or neither of them")
        }
        _ = try Number.parse(pageNumber, as: "page number")
        _ = try Number.parse(pageSize, as: "page size")
    }

    func run(in context: CommandContext) async throws {
        let client = try await context.client
        let range = bounds.range(isDescending: walk.reverse)
        var printer = ListPrinter(to: context.output, most: walk.most)
        if let pageNumber, let pageSize {
            let page = try await client.page(
                Number.parse(pageNumber, as: "page number"),
                size: Number.parse(pageSize, as: "page size"))
            let shown = page.entries.filter { range.contains($0.index.rawValue) }
            for entry in walk.reverse ? shown.reversed() : shown { try printer.add(entry) }
        } else {
            let size = try await client.currentRoot().size.rawValue
            try await printAll(in: range.clamped(to: 0..<size), of: client, &printer)
        }
        try printer.flush()
    }

    private func answer(
        _ client: ImmudbClient, _ number: UInt64, size: UInt64
    ) async -> Result<[Entry], ClientError> {
        do {
            return .success(try await client.page(number, size: size).entries)
        } catch {
            return .failure(error)
        }
    }

    /// Prints the entries with these indexes, requested page by page.
    private func printAll(
        in range: Range<UInt64>, of client: ImmudbClient, _ printer: inout ListPrinter
    ) async throws {
        var rest = range
        var pageSize: UInt64 = 1_024
        while !rest.isEmpty, !printer.isFull {
            // Pages begin at multiples of their size.
            let next = walk.reverse ? rest.upperBound - 1 : rest.lowerBound
            let number = next / pageSize
            let answer = await answer(client, number + 1, size: pageSize)
            if case .failure(let error) = answer, error.status == .resourceExhausted, pageSize > 1 {
                // The page exceeds the largest answer.
                pageSize /= 4
                continue
            }
            let entries = try answer.get()
            let first = number * pageSize
            let taken = rest.clamped(to: first..<first + pageSize)
            guard UInt64(entries.count) >= taken.upperBound - first,
                zip(first..., entries).allSatisfy({ $0 == $1.index.rawValue })
            else {
                throw ClientError(
                    .incompatible, "the server's page has entries out of order, or lacks some")
            }
            let shown = entries.filter { taken.contains($0.index.rawValue) }
            for entry in walk.reverse ? shown.reversed() : shown { try printer.add(entry) }
            rest =
                walk.reverse
                ? rest.lowerBound..<taken.lowerBound : taken.upperBound..<rest.upperBound
        }
    }
}

struct GetByIndexCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "getByIndex", alias: "bi", abstract: "Print the entry at an index.",
        discussion: """
            The value is printed with its time, timestamp:<seconds> payload:"<text>", as earlier \
            releases did; --value-only and --json print the payload as it is.
            """)
    static let printsEntries = true

    @Argument(help: "Index of the entry, from 0.")
    var index: String

    func validate() throws { _ = try Number.parse(index, as: "index") }

    func run(in context: CommandContext) async throws {
        let index = EntryIndex(try Number.parse(index, as: "index"))
        try context.output.write(IndexedEntryReport(entry: await context.client.entry(at: index)))
    }
}
