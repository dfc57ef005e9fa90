import ArgumentParser
import ClientKit
import ImmudbClient

struct CurrentCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "current", alias: "crt",
        abstract: "Print the last index and the root of the server's tree.",
        discussion: """
            Fails, with exit code 3, if the tree is smaller than the trusted one in --dir, or as large \
            and another one. Whether a larger one continues it, safeget verifies.
            """)

    func run(in context: CommandContext) async throws {
        let client = try await context.client
        let (root, failure) = try await client.checkedCurrentRoot()
        try context.output.write(
            RootReport(signed: root, server: client.identity), failing: failure)
    }
}

struct PingCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "ping", alias: "p", abstract: "Check the health of the server.")

    func run(in context: CommandContext) async throws {
        try await context.client.health().requireWhole()
        try context.output.write(LineReport("Health check OK", json: ["healthy": .truth(true)]))
    }
}
