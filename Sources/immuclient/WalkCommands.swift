import ArgumentParser
import ImmudbClient
import MerkleTree

struct ScanCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan", abstract: "Print the newest entries of the keys with a prefix.",
        aliases: ["scn"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Prefix of the keys; \"\" for all.")
    var prefix: String

    func run(on client: ImmudbClient) async throws {
        let prefix = Array(argument: prefix)
        // An answer has a largest size: the rest comes after its last key.
        var entries = try await client.scan(prefix: prefix)
        while let last = entries.last {
            for entry in entries { try Output.write(entry: entry, followedByBlankLine: true) }
            entries = try await client.scan(prefix: prefix, after: last.key)
        }
    }
}

struct ZScanCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "zscan", abstract: "Print the entries of a sorted set's members, by score.",
        aliases: ["zscn"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Name of the sorted set.")
    var set: String

    func run(on client: ImmudbClient) async throws {
        // As many as an answer holds: the wire returns no scores, hence no place to go on from.
        for entry in try await client.zScan(Array(argument: set), limit: .max) {
            try Output.write(entry: entry, followedByBlankLine: true)
        }
    }
}

struct IScanCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "iscan",
        abstract: "Print a page of all entries, in the order in which they were written.",
        aliases: ["iscn"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Number of the page, from 1.")
    var pageNumber: String
    @Argument(help: "Entries in a page.")
    var pageSize: String

    func validate() throws {
        _ = try Number.parse(pageNumber, as: "page number")
        _ = try Number.parse(pageSize, as: "page size")
    }

    func run(on client: ImmudbClient) async throws {
        let page = try await client.page(
            Number.parse(pageNumber, as: "page number"),
            size: Number.parse(pageSize, as: "page size"))
        for entry in page.entries { try Output.write(entry: entry, followedByBlankLine: true) }
    }
}

struct CountCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "count", abstract: "Print how many keys have a prefix.", aliases: ["cnt"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Prefix of the keys, not empty.")
    var prefix: String

    func run(on client: ImmudbClient) async throws {
        try Output.write(line: "\(await client.count(prefix: Array(argument: prefix)))")
    }
}

struct GetByIndexCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "getByIndex", abstract: "Print the entry at an index.", aliases: ["bi"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Index of the entry, from 0.")
    var index: String

    func validate() throws { _ = try Number.parse(index, as: "index") }

    func run(on client: ImmudbClient) async throws {
        let index = EntryIndex(try Number.parse(index, as: "index"))
        try Output.write(entryByIndex: await client.entry(at: index))
    }
}

/// Numbers that count something, as arguments.
enum Number {
    static func parse(_ text: String, as what: String) throws -> UInt64 {
        let text = NegativeNumber.restored(text)
        guard let number = UInt64(text) else {
            throw ValidationError(
                "'\(text)' is no \(what): give a whole number from 0 to \(UInt64.max)")
        }
        return number
    }
}
