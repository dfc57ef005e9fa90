import ProgramKit
import Terminal

// The process: runs the command that it is asked for, explains what went wrong.

@MainActor
extension Immuclient {
    /// Explains what fails itself, in the form of output that the settings say.
    static func perform(_ invocation: Invocation<Self>) async throws -> Int32 {
        // As far as it is known before the settings are.
        let asksForJSON = invocation.flags[ClientSettings.json.key] == "true"
        var format = asksForJSON ? Output.Format.json : .text
        do {
            switch invocation.action {
            case .help(let command, let all):
                try Output(format: format).write(LineReport(help: command, all: all))
            case .run(let command as any ImmuclientCommand):
                let sources = try invocation.sources()
                let settings = Result { try sources.settings() }
                format = (try? settings.get())?.format ?? format
                try announce(sources, format, isScript: type(of: command).printsScript)
                try await run(command, sources, settings.get())
            case .run(let command):
                preconditionFailure("\(command) is no command of immuclient")
            }
            return ExitCode.done.rawValue
        } catch {
            return explain(error, format)
        }
    }

    static func explain(_ error: any Error, arguments: [String]) -> Int32 {
        let asksForJSON = arguments.prefix { $0 != "--" }.contains("--json")
        return explain(error, asksForJSON ? .json : .text)
    }

    private static func explain(_ error: any Error, _ format: Output.Format) -> Int32 {
        if let failure = error as? ExplainedFailure { return failure.exitCode.rawValue }
        if error is OutputClosed { return ExitCode.outputClosed.rawValue }
        let failure = Failure(error)
        failure.complain(format)
        return failure.exitCode.rawValue
    }

    private static func run(
        _ command: any ImmuclientCommand, _ sources: SettingsSources, _ settings: ClientSettings
    ) async throws {
        let idle = settings.idleFlags(among: sources.flags, of: type(of: command))
        for warning in settings.warnings + idle {
            StandardError.write(warning: warning, settings.format)
        }
        let session = Session()
        do {
            try await CommandRun(
                command, flags: sources.flags, sources: sources, settings: settings,
                session: session
            ).run(input: .value)
        } catch {
            await session.close()
            throw error
        }
        await session.close()
    }

    /// Names the config file: on the standard output, unless programs read that.
    private static func announce(
        _ sources: SettingsSources, _ format: Output.Format, isScript: Bool
    ) throws {
        guard let text = sources.announcement, let file = sources.config.file else { return }
        let report = LineReport(text, json: ["configFile": .text(file.path)])
        if format == .text, !isScript {
            try Output(format: .text).write(report)
        } else {
            StandardError.write(report, format)
        }
    }
}
