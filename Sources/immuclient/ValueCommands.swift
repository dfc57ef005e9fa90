import ArgumentParser
import Foundation
import ImmudbClient

/// The key and the value of commands that write.
struct NewValue: ParsableArguments {
    @Argument(help: "Key of the entry.")
    var key: String

    @Argument(help: "Value of the entry. If absent, stdin is read to its end, byte for byte.")
    var value: String?

    /// The value, if need be from a pipe or a file.
    func bytes() throws -> [UInt8] {
        if let value { return Array(argument: value) }
        guard isatty(STDIN_FILENO) == 0 else {
            throw ValidationError("no value for key '\(key)': give one, or pipe it in")
        }
        return try readStandardInput()
    }
}

struct SetCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Add an entry, then print the newest of its key.",
        aliases: ["s"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var new: NewValue
    private var value: [UInt8] = []

    private enum CodingKeys: CodingKey { case connection, new }

    mutating func prepare() throws { value = try new.bytes() }

    func run(on client: ImmudbClient) async throws {
        let key = Array(argument: new.key)
        try await client.set(key, value)
        try Output.write(entry: await client.get(key))
    }
}

struct GetCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Print the newest entry of a key.", aliases: ["g"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Key of the entry.")
    var key: String

    func run(on client: ImmudbClient) async throws {
        try Output.write(entry: await client.get(Array(argument: key)))
    }
}

struct SafeSetCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "safeset",
        abstract:
            "Add an entry, verify that it was, then print and verify the newest of its key.",
        aliases: ["ss"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var new: NewValue
    private var value: [UInt8] = []

    private enum CodingKeys: CodingKey { case connection, new }

    mutating func prepare() throws { value = try new.bytes() }

    func run(on client: ImmudbClient) async throws {
        let key = Array(argument: new.key)
        let index = try await writing { try await client.verifiedSet(key, value) }.value.index
        try Output.write(checked: await client.checkedGet(key), afterWriting: index)
    }
}

struct SafeGetCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "safeget", abstract: "Print the newest entry of a key and verify it.",
        aliases: ["sg"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Key of the entry.")
    var key: String

    func run(on client: ImmudbClient) async throws {
        try Output.write(checked: await client.checkedGet(Array(argument: key)))
    }
}

struct HistoryCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Print all entries of a key, newest first.",
        aliases: ["h"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Key of the entries.")
    var key: String

    func run(on client: ImmudbClient) async throws {
        for entry in try await client.history(of: Array(argument: key)) {
            try Output.write(entry: entry, followedByBlankLine: true)
        }
    }
}

extension [UInt8] {
    /// The bytes of an argument, as it was typed.
    init(argument: String) {
        self = Array(NegativeNumber.restored(argument).utf8)
    }
}
