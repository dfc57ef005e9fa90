import ArgumentParser
import ImmudbClient

struct CurrentCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "current", alias: "crt",
        abstract: "Print the last index and the root of the server's tree.",
        discussion: """
            Fails, with exit code 3, if the tree is smaller than the trusted one in --dir, or as large \
            and another one. Whether a larger one continues it, safeget verifies.
            """)

    func run(in context: CommandContext) async throws {
        let client = try await context.client
        let (root, failure) = try await client.checkedCurrentRoot()
        try context.output.write(RootReport(root: root, server: client.identity), failing: failure)
    }
}

struct PingCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "ping", alias: "p", abstract: "Ask the server if it is well.")

    func run(in context: CommandContext) async throws {
        let health = try await context.client.health()
        guard health.isWhole else {
            let problems = [
                health.writeProblem.map { "it takes no writes: \($0)" },
                health.readProblem.map { "it cannot look keys up: \($0)" },
            ].compactMap(\.self)
            throw ClientError(
                .refused,
                "Health check failed: the server is up, and "
                    + (problems.isEmpty
                        ? "takes no writes or cannot look keys up. Its log says why"
                        : problems.joined(separator: "; ")))
        }
        try context.output.write(LineReport("Health check OK", json: ["healthy": .truth(true)]))
    }
}
