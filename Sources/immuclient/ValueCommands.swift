import ArgumentParser
import Foundation
import ImmudbClient

/// The key and the value of commands that write.
struct NewValue: ParsableArguments {
    @Argument(help: "Key of the entry.")
    var key: String

    @Argument(help: "Value of the entry. If absent, stdin is read to its end, byte for byte.")
    var value: String?

    var keyBytes: [UInt8] { Array(argument: key) }
    /// Empty until `read`.
    private(set) var valueBytes: [UInt8] = []

    private enum CodingKeys: CodingKey { case key, value }

    mutating func read() throws {
        valueBytes = try bytes(of: value, orElse: "no value for key '\(key)'")
    }
}

/// The bytes of an argument or, if it is absent, of the standard input to its end. May block.
///
/// - Parameter missing: what to say to a person at a terminal, who gave neither.
func bytes(of argument: String?, orElse missing: String) throws -> [UInt8] {
    if let argument { return Array(argument: argument) }
    guard isatty(STDIN_FILENO) == 0 else {
        throw ValidationError("\(missing): give one, or pipe it in")
    }
    do {
        return [UInt8](try FileHandle.standardInput.readToEnd() ?? Data())
    } catch {
        throw ToolError("cannot read the standard input")
    }
}

struct SetCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Add an entry, then print the newest of its key.",
        aliases: ["s"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var new: NewValue

    mutating func prepare() throws { try new.read() }

    func run(on client: ImmudbClient) async throws {
        try await client.set(new.keyBytes, new.valueBytes)
        try Output.write(entry: await client.get(new.keyBytes))
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

    mutating func prepare() throws { try new.read() }

    func run(on client: ImmudbClient) async throws {
        let (key, value) = (new.keyBytes, new.valueBytes)
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
