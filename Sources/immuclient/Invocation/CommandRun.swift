import ClientKit
import ImmudbClient
import ProgramKit

/// One run of a command, with its settings.
@MainActor
struct CommandRun {
    private var command: any ImmuclientCommand
    private let context: CommandContext

    /// - Parameter flags: the flags that were given with this command itself.
    /// - Throws: `UsageError` if one of them has no effect on it.
    init(
        _ command: any ImmuclientCommand, flags: [String: String], sources: SettingsSources,
        settings: ClientSettings, session: Session
    ) throws(UsageError) {
        let type = type(of: command)
        var format = settings.format
        if format == .values, !type.printsEntries {
            guard flags[ClientSettings.valueOnly.key] == nil else {
                throw UsageError(
                    "flag --value-only: \(type.name) prints no values of entries",
                    program: Immuclient.name, command: CommandWords(of: type))
            }
            format = .text
        }
        self.command = command
        context = CommandContext(
            settings: settings, sources: sources, output: Output(format: format), session: session)
    }

    /// - Throws: the failure. It has not been reported yet, except a `ToldFailure`.
    func run(input: StandardInput) async throws {
        try await prepared(input: input).run()
    }

    /// Returns the same run after the command has read its input beside its arguments. May block.
    func prepared(input: StandardInput) throws -> Self {
        var prepared = self
        try prepared.command.prepare(input)
        return prepared
    }

    /// Runs a prepared command.
    func run() async throws {
        do {
            try await command.run(in: context)
        } catch let error as ClientError {
            guard let hint = Failure.Hint(for: error, about: command.givenNames) else {
                throw error
            }
            throw HintedError(cause: error, hint: hint)
        }
    }
}
