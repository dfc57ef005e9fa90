import ArgumentParser
import ClientKit
import ImmudbClient

/// The key and the value of commands that write.
struct NewValue: ParsableArguments {
    @Argument(help: "Key of the entry.")
    var key: String

    @Argument(help: "Value of the entry. If absent, stdin is read to its end, byte for byte.")
    var value: String?

    var keyBytes: [UInt8] { Array(key.utf8) }
    var givenNames: [GivenName] { [GivenName(.newKey, keyBytes)] }
    /// Empty until `read`.
    private(set) var valueBytes: [UInt8] = []

    private enum CodingKeys: CodingKey { case key, value }

    mutating func read(_ input: StandardInput) throws {
        valueBytes = try bytes(of: value, from: input, orElse: "no value for key '\(key)'")
    }
}

struct SetCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "set", alias: "s",
        abstract: "Add an entry, then print the newest of its key.")
    static let printsEntries = true

    @OptionGroup var new: NewValue
    var givenNames: [GivenName] { new.givenNames }

    mutating func prepare(_ input: StandardInput) throws { try new.read(input) }

    func run(in context: CommandContext) async throws {
        let client = try await context.client
        let index = try await client.set(new.keyBytes, new.valueBytes)
        let newest = try await readingBack(index) { try await client.get(new.keyBytes) }
        try context.output.write(EntryReport(entry: newest))
    }
}

struct GetCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "get", alias: "g", abstract: "Print the newest entry of a key.")
    static let printsEntries = true

    @Argument(help: "Key of the entry.")
    var key: String
    var givenNames: [GivenName] { [GivenName(.existingKey, Array(key.utf8))] }

    func run(in context: CommandContext) async throws {
        let entry = try await context.client.get(Array(key.utf8))
        try context.output.write(EntryReport(entry: entry))
    }
}
