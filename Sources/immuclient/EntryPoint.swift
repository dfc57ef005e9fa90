import Foundation
import ProgramKit

/// The process: reads what it is asked, runs it, explains what went wrong.
@main
@MainActor
enum EntryPoint {
    /// Not asynchronous itself: see `StandardFiles`.
    static func main() {
        StandardFiles.reserve()
        Task { exit(await run().rawValue) }
        dispatchMain()
    }

    /// - Returns: whether all that was asked has been done, or why not. Every failure has been
    ///   explained on the standard error.
    private static func run() async -> ExitCode {
        // As far as it is known before the settings are.
        var format = Output.Format.text
        do {
            let arguments = try ProcessArguments.text()
            if arguments.prefix(while: { $0 != "--" }).contains("--json") { format = .json }
            let invocation = try Invocation(arguments)
            switch invocation.action {
            case .help(let type):
                try Output(format: format).write(LineReport(help: type))
            case .run(let command):
                let sources = try SettingsSources(
                    flags: invocation.flags,
                    environment: ProcessEnvironment.text(for: ClientSettings.definition),
                    configFile: invocation.configFile)
                let settings = Result { try sources.settings() }
                format = (try? settings.get())?.format ?? format
                try announce(
                    sources.config.file, format, isScript: type(of: command).printsScript)
                try await run(command, invocation.flags, sources, settings.get())
            }
            return .done
        } catch let failure as ExplainedFailure {
            return failure.exitCode
        } catch {
            let failure = Failure(error)
            failure.complain(format)
            return failure.exitCode
        }
    }

    private static func run(
        _ command: any ImmuclientCommand, _ flags: [String: String], _ sources: SettingsSources,
        _ settings: ClientSettings
    ) async throws {
        for warning in settings.warnings {
            StandardError.write(warning: warning, settings.format)
        }
        let session = Session()
        do {
            try await CommandRun(
                command, flags: flags, sources: sources, settings: settings, session: session
            ).run(input: .value)
        } catch {
            await session.close()
            throw error
        }
        await session.close()
    }

    /// Names the config file: on the standard output, unless programs read that.
    private static func announce(
        _ file: ConfigFile?, _ format: Output.Format, isScript: Bool
    ) throws {
        guard let file else { return }
        let report = LineReport(
            "Using config file: \(file.path)", json: ["configFile": .text(file.path)])
        if format == .text, !isScript {
            try Output(format: .text).write(report)
        } else {
            StandardError.write(report, format)
        }
    }
}
