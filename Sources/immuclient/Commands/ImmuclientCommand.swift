import ArgumentParser
import ClientKit
import ImmudbClient
import ProgramKit

/// One command of `immuclient`.
protocol ImmuclientCommand: ParsableCommand, Sendable {
    /// Whether it prints entries, so that `--value-only` means something.
    static var printsEntries: Bool { get }
    /// Whether the token file means something to it also without `--auth`.
    static var usesTokenFile: Bool { get }
    /// The names in its words which the server may refuse, or not find.
    var givenNames: [GivenName] { get }

    /// Reads what the command needs besides its words, such as a value from a pipe. May block.
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

/// What a command works with.
struct CommandContext: Sendable {
    let settings: ClientSettings
    /// For the shell, whose lines may change some.
    let sources: SettingsSources
    let output: Output
    let session: Session

    var client: ImmudbClient {
        get async throws { try await session.client(settings) }
    }
}

extension CommandConfiguration {
    static func immuclient(
        _ name: String, alias: String? = nil, abstract: String, discussion: String = ""
    ) -> CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: abstract, discussion: discussion,
            aliases: alias.map { [$0] } ?? [])
    }
}
