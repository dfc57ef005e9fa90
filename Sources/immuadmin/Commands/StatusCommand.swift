import ArgumentParser
import ClientKit
import ImmudbClient

struct StatusCommand: AdminCommand {
    static let configuration = CommandConfiguration.command(
        "status", alias: "p", abstract: "Check the health of the server.",
        discussion: "The exit code is 1 if it is not, and 5 if it does not answer.")

    func run(in context: AdminContext) async throws {
        try await context.withServer { try await $0.health().requireWhole() }
        try context.output.write(
            LineReport(
                "OK - server is reachable and responding to queries",
                json: ["healthy": .truth(true)]))
    }
}
