import ArgumentParser
import ImmudbClient

struct CurrentCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "current", alias: "crt",
        abstract: "Print the last index and the root of the server's tree.")

    func run(in context: CommandContext) async throws {
        let client = try await context.client
        try context.output.write(
            RootReport(root: await client.currentRoot(), server: client.identity))
    }
}

struct PingCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "ping", alias: "p", abstract: "Ask the server if it is well.")

    func run(in context: CommandContext) async throws {
        guard try await context.client.health() else {
            throw ClientError(
                .refused,
                "Health check failed: the server is up, and takes no writes or cannot look keys up. "
                    + "Its log says why")
        }
        try context.output.write(LineReport("Health check OK", json: ["healthy": .truth(true)]))
    }
}
