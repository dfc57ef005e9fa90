// What the command line clients of this package share. Read this file first: their output is in Output/, where
// the server is in Connection/.

package import ArgumentParser
package import ProgramKit
import Terminal

/// A program whose commands ask a server and print what it answers, as text or as JSON.
package protocol ClientProgram: Program {
    associatedtype Settings: FormattedSettings

    /// - Throws: `SettingsError` if two settings do not fit.
    static func settings(_ sources: SettingsSources) throws(SettingsError) -> Settings

    /// Runs a command of this program, once its warnings are told.
    @MainActor static func run(
        _ command: any ParsableCommand, _ sources: SettingsSources, _ settings: Settings
    ) async throws

    /// What was given on the command line and means nothing to the command.
    static func idleFlags(
        _ settings: Settings, among flags: [String: String], of command: any ParsableCommand
    ) -> [String]
}

/// Settings that say how answers are printed.
package protocol FormattedSettings: Sendable {
    var format: Output.Format { get }
    /// What was named and has no effect.
    var warnings: [String] { get }
}

/// A command whose output is for another program to read, however it is run.
package protocol ScriptCommand: ParsableCommand {}

extension CompletionCommand: ScriptCommand {}

extension Output {
    /// Whether answers are JSON, one object a line.
    package static let json = Setting(
        "json", .boolean, default: false,
        "print JSON, one object a line; errors are JSON on stderr")
}

@MainActor
extension ClientProgram {
    /// Explains what fails itself, in the form of output that the settings say.
    package static func perform(_ invocation: Invocation<Self>) async throws -> Int32 {
        // As far as it is known before the settings are.
        var format = Output.Format.text
        if invocation.flags[Output.json.key] == "true" { format = .json }
        do {
            switch invocation.action {
            case .help(let command, let all):
                try Output(format: format).write(helpReport(for: command, all: all))
            case .run(let command):
                let sources = try invocation.sources()
                let result = Result { () throws(SettingsError) in try Self.settings(sources) }
                format = (try? result.get())?.format ?? format
                try announce(sources, format, isScript: command is any ScriptCommand)
                let settings = try result.get()
                let idle = idleFlags(settings, among: sources.flags, of: command)
                for warning in settings.warnings + idle {
                    StandardError.write(warning: warning, format)
                }
                try await run(command, sources, settings)
            }
            return ExitCode.done.rawValue
        } catch {
            return explain(error, format)
        }
    }

    /// - Parameters:
    ///   - command: nil for the help of the whole program.
    ///   - all: with the flags that all commands have.
    package nonisolated static func helpReport(
        for command: (any ParsableCommand.Type)?, all: Bool
    ) -> LineReport {
        let text = help(for: command, all: all)
        return LineReport(text, json: ["help": .text(text)])
    }

    package static func explain(_ error: any Error, arguments: [String]) -> Int32 {
        let asksForJSON = arguments.prefix { $0 != "--" }.contains("--\(Output.json.key)")
        return explain(error, asksForJSON ? .json : .text)
    }

    private static func explain(_ error: any Error, _ format: Output.Format) -> Int32 {
        if let failure = error as? ToldFailure { return failure.exitCode.rawValue }
        if error is OutputClosed { return ExitCode.outputClosed.rawValue }
        let failure = Failure(error)
        failure.complain(format)
        return failure.exitCode.rawValue
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
