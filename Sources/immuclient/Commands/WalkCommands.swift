import ArgumentParser
import ImmudbClient
import MerkleTree

struct ScanCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "scan", alias: "scn",
        abstract: "Print the newest entries of the keys with a prefix.")
    static let printsEntries = true

    @Argument(help: "Prefix of the keys; \"\" for all.")
    var prefix: String

    func run(in context: CommandContext) async throws {
        let (client, prefix) = (try await context.client, Array(prefix.utf8))
        // An answer has a largest size: the rest comes after its last key.
        var entries = try await client.scan(prefix: prefix)
        var last: [UInt8]?
        while !entries.isEmpty {
            for entry in entries {
                if let last, !last.lexicographicallyPrecedes(entry.key) {
                    throw ClientError(
                        .incompatible, "the server's answer to scan is not in the order of its keys"
                    )
                }
                last = entry.key
            }
            try context.output.write(list: entries.lazy.map { EntryReport(entry: $0) })
            guard let last else { return }
            entries = try await client.scan(prefix: prefix, after: last)
        }
    }
}

struct IScanCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "iscan", alias: "iscn",
        abstract: "Print a page of all entries, in the order in which they were written.")
    static let printsEntries = true

    @Argument(help: "Number of the page, from 1.")
    var pageNumber: String
    @Argument(help: "Entries in a page.")
    var pageSize: String

    func validate() throws {
        _ = try Number.parse(pageNumber, as: "page number")
        _ = try Number.parse(pageSize, as: "page size")
    }

    func run(in context: CommandContext) async throws {
        let page = try await context.client.page(
            Number.parse(pageNumber, as: "page number"),
            size: Number.parse(pageSize, as: "page size"))
        try context.output.write(list: page.entries.lazy.map { EntryReport(entry: $0) })
    }
}

struct CountCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "count", alias: "cnt", abstract: "Print how many keys have a prefix.")

    @Argument(help: "Prefix of the keys, not empty.")
    var prefix: String
    var givenNames: [GivenName] { [GivenName(.prefix, Array(prefix.utf8))] }

    func run(in context: CommandContext) async throws {
        let count = try await context.client.count(prefix: Array(prefix.utf8))
        try context.output.write(LineReport("\(count)", json: ["count": .number(count)]))
    }
}

struct GetByIndexCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "getByIndex", alias: "bi", abstract: "Print the entry at an index.")
    static let printsEntries = true

    @Argument(help: "Index of the entry, from 0.")
    var index: String

    func validate() throws { _ = try Number.parse(index, as: "index") }

    func run(in context: CommandContext) async throws {
        let index = EntryIndex(try Number.parse(index, as: "index"))
        try context.output.write(IndexedEntryReport(entry: await context.client.entry(at: index)))
    }
}
