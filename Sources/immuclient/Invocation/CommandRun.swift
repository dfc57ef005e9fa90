import ClientKit
import ImmudbClient
import ProgramKit

/// One run of a command, with the settings that it was given.
@MainActor
struct CommandRun {
    private var command: any ImmuclientCommand
    private let context: CommandContext

    /// - Parameter flags: those that were given with this very command.
    /// - Throws: `UsageError` if one of them means nothing to it.
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

    /// - Throws: why it failed. Nothing of it has been said yet, but for `ToldFailure`.
    func run(input: StandardInput) async throws {
        try await prepared(input: input).run()
    }

    /// The same run once the command has what it needs besides its words. May block.
    func prepared(input: StandardInput) throws -> Self {
        var prepared = self
        try prepared.command.prepare(input)
        return prepared
    }

    /// The work of a command that is prepared.
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
