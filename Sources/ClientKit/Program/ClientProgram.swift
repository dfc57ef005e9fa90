// The code that the command line clients of this package share. Read this file first; Output/ has the output,
// Connection/ the server's address.

package import ArgumentParser
package import ProgramKit
import Terminal

/// A program whose commands call a server and print its answers, as text or as JSON.
package protocol ClientProgram: Program {
    associatedtype Settings: FormattedSettings

    /// - Throws: `SettingsError` if two settings conflict.
    static func settings(_ sources: SettingsSources) throws(SettingsError) -> Settings

    /// Runs a command of this program, after its warnings were printed.
    @MainActor static func run(
        _ command: any ParsableCommand, _ sources: SettingsSources, _ settings: Settings
    ) async throws

    /// Explains the flags of the command line that have no effect on the command.
    static func idleFlags(
        _ settings: Settings, among flags: [String: String], of command: any ParsableCommand
    ) -> [String]
}

/// Settings that define the output format.
package protocol FormattedSettings: Sendable {
    var format: Output.Format { get }
    /// Warnings about settings that have no effect.
    var warnings: [String] { get }
}

/// A command whose output is always for another program.
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
    /// Runs the invocation. Explains failures itself, in the output format of the settings.
    package static func perform(_ invocation: Invocation<Self>) async throws -> Int32 {
        // The format, as far as it is known before the settings are.
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
    ///   - all: whether to include the flags that all commands have.
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
