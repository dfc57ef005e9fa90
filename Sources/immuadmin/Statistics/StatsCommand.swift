import ArgumentParser
import ClientKit
import Foundation
import ImmudbClient
import ProgramKit
import ServerStatistics
import TerminalScreen

struct StatsCommand: AdminCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "stats", alias: "s", abstract: "Show what the server does: calls, sizes, memory, health.",
        discussion: """
            At a terminal, a screen that is drawn each 3 seconds, until q, Esc or Ctrl-C. Where stdout is no \
            terminal, the numbers once, as with --text. They come from the server's metrics, at the same host and \
            the port of --metrics-port. The exit code is 5 if the server or its metrics do not answer.
            """)

    @Flag(name: .shortAndLong, help: "The numbers once, as text; with --json as an object.")
    var text = false

    @Flag(name: .shortAndLong, help: "What the server answers to /metrics, as it is.")
    var raw = false

    func validate() throws {
        guard !text || !raw else {
            throw ValidationError("flags --text and --raw: give one of them")
        }
    }

    func run(in context: AdminContext) async throws {
        let isJSON = context.output.format == .json
        guard !raw || !isJSON else {
            throw ToolError(
                "flags --raw and --json: metrics are text; --json alone has the numbers as JSON",
                code: "Usage")
        }
        let isScreen = !text && !raw && !isJSON && isatty(STDOUT_FILENO) != 0
        do {
            if isScreen { try FullScreen.requireTerminal() }
            try await context.withServer { _ = try await $0.health() }
            try await MetricsSource.with(
                host: context.settings.connection.address.host, port: context.settings.metricsPort
            ) { source in
                if raw {
                    try context.output.write(RawMetrics(bytes: try await source.fetch()))
                    return
                }
                let statistics = try await source.statistics()
                guard isScreen else {
                    try context.output.write(StatisticsReport(statistics: statistics, time: Date()))
                    return
                }
                try await LiveStatistics(address: source.address, first: statistics)
                    .run { try await source.statistics() }
            }
        } catch let error as MetricsError {
            throw NoMetrics(cause: error)
        } catch let error as ScreenError {
            throw ToolError("no screen here: \(error). Use stats --text", code: "NoTerminal")
        }
    }
}

/// The server's own text.
private struct RawMetrics: Report {
    let bytes: [UInt8]

    func text(_ display: Display) -> [UInt8] { display.shown(bytes) + [UInt8(ascii: "\n")] }

    var json: JSONObject { [:] }
}

struct NoMetrics: ExplainableError {
    let cause: MetricsError

    var failure: Failure {
        let isUnreachable = cause.code == .unreachable
        return Failure(
            code: isUnreachable ? "Unavailable" : "NoMetrics", message: "\(cause)",
            text: "\(cause)",
            exitCode: isUnreachable ? .unreachable : .failed)
    }
}
