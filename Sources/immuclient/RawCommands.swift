import ArgumentParser
import ImmudbClient

struct RawSafeSetCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "rawsafeset",
        abstract: "As safeset, with the value stored as it is, without a time.", aliases: ["rs"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var new: NewValue

    mutating func prepare() throws { try new.read() }

    func run(on client: ImmudbClient) async throws {
        let (key, value) = (new.keyBytes, new.valueBytes)
        let index = try await writing { try await client.verifiedRawSet(key, value) }.value.index
        try Output.write(
            checked: await client.checkedGet(key), isRaw: true, afterWriting: index)
    }
}

struct RawSafeGetCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "rawsafeget", abstract: "As safeget, with the value as it is stored.",
        aliases: ["rg"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Key of the entry.")
    var key: String

    func run(on client: ImmudbClient) async throws {
        try Output.write(checked: await client.checkedGet(Array(argument: key)), isRaw: true)
    }
}
