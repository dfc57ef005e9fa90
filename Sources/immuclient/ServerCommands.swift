import ArgumentParser
import ImmudbClient

struct CurrentCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "current", abstract: "Print the last index and the root of the server's tree.",
        aliases: ["crt"])

    @OptionGroup var connection: ConnectionOptions

    func run(on client: ImmudbClient) async throws {
        try Output.write(root: await client.currentRoot())
    }
}

struct PingCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Ask the server if it is well.", aliases: ["p"])

    @OptionGroup var connection: ConnectionOptions

    func run(on client: ImmudbClient) async throws {
        guard try await client.health() else {
            throw ClientError(.refused, "Health check failed: the server cannot read its database")
        }
        try Output.write(line: "Health check OK")
    }
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version of this program.")

    @OptionGroup var connection: ConnectionOptions

    func run() throws {
        try Output.write(line: "immuclient \(ImmudbClient.version)")
    }
}
