import ArgumentParser
import ClientKit
import ImmudbClient
import ProgramKit

/// One command of `immuclient`.
protocol ImmuclientCommand: ParsableCommand, Sendable {
    /// Whether the command prints entries, so that `--value-only` has an effect.
    static var printsEntries: Bool { get }
    /// Whether the command uses the token file even without `--auth`.
    static var usesTokenFile: Bool { get }
    /// The names in its arguments that the server may refuse, or not find.
    var givenNames: [GivenName] { get }

    /// Reads the input of the command beside its arguments, such as a value from a pipe. May block.
    mutating func prepare(_ input: StandardInput) throws
    func run(in context: CommandContext) async throws
}

extension ImmuclientCommand {
    static var name: String { configuration.commandName ?? "" }
    static var aliases: [String] { configuration.aliases }
    static var abstract: String { configuration.abstract }

    static var printsEntries: Bool { false }
    static var usesTokenFile: Bool { false }
    var givenNames: [GivenName] { [] }
    mutating func prepare(_ input: StandardInput) throws {}
}

/// The settings, output and connection of a command.
struct CommandContext: Sendable {
    let settings: ClientSettings
    /// The sources of the settings, for the shell, whose lines may change some settings.
    let sources: SettingsSources
    let output: Output
    let session: Session

    var client: ImmudbClient {
        get async throws { try await session.client(settings) }
    }
}
