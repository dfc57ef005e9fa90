// The base of every program in this package. Read this file first. Settings/ has the settings,
// Program/Invocation.swift the parsing of command lines.

public import ArgumentParser

/// A program: its settings, its commands, the texts of its help, and its action.
///
/// Everything else follows from that: flags, environment variables and keys of config files; `help`
/// and `--help`; man pages and completion; messages about wrong words; the exit code.
///
/// ```swift
/// @main
/// struct Immugw: Program {
///     static let port = Setting(
///         "port", short: "p", .integer(0...65535), default: 3323, "port number")
///     static let definition = SettingsDefinition(program: "immugw", settings: [port])
///     static let version = "0.6.0"
///     static let runsWithoutCommand = true
///     static let commands = [
///         CommandGroup(
///             name: "", subcommands: [VersionCommand<Self>.self, ManPagesCommand<Self>.self])
///     ]
///     static let about = ProgramDescription(
///         abstract: "immugw - a gateway.", usage: "immugw [flags]\nimmugw [command]",
///         discussion: "Serves immudb by HTTP.")
///
///     static func perform(_ invocation: Invocation<Self>) async throws -> Int32 {
///         if let answer = try invocation.answer() {
///             print(answer)
///             return EXIT_SUCCESS
///         }
///         let values = try invocation.sources().values()
///         return try await Gateway.serve(port: values[port])
///     }
/// }
/// ```
///
/// A program whose commands do the work, such as immuadmin, omits `runsWithoutCommand`: without a
/// command it prints its help. Its `perform` switches over `invocation.action`.
///
/// Properties with `@Argument` are the words that the program takes without a command.
public protocol Program: ParsableCommand, Sendable {
    /// The program's name and its settings.
    static var definition: SettingsDefinition { get }
    static var version: String { get }
    static var about: ProgramDescription { get }
    /// The commands in the order of the help, under the titles of their groups. A group without a
    /// name comes first.
    static var commands: [CommandGroup] { get }
    /// Whether the program has a function without a command. If so, the settings are for that
    /// function, and only the program's own help lists their flags. Otherwise each command's help
    /// does.
    static var runsWithoutCommand: Bool { get }

    /// Performs the action of the command line.
    ///
    /// - Returns: the exit code.
    /// - Throws: the reason of a failure, which `explain` shows.
    @MainActor static func perform(_ invocation: Invocation<Self>) async throws -> Int32
    /// Shows the user why the program failed: an error of the command line, or an error of
    /// `perform`.
    ///
    /// - Parameter arguments: the command line, as far as it could be read.
    /// - Returns: the exit code.
    @MainActor static func explain(_ error: any Error, arguments: [String]) -> Int32
}

/// The texts in a program's help and man pages beside those of its settings and commands.
public struct ProgramDescription: Sendable {
    public let abstract: String
    /// The usage of the program, one line for each form.
    public let usage: String
    /// The description of the program, in paragraphs.
    public let discussion: String
    /// Environment variables that are not settings, with their values.
    public let variables: [String]
    /// The examples in the man pages and the helps of commands, by the command as it is typed, such
    /// as "immuclient set".
    public let examples: ManPages.Examples

    public init(
        abstract: String, usage: String, discussion: String, variables: [String] = [],
        examples: ManPages.Examples = [:]
    ) {
        self.abstract = abstract
        self.usage = usage
        self.discussion = discussion
        self.variables = variables
        self.examples = examples
    }
}

extension Program {
    public static var runsWithoutCommand: Bool { false }

    public static var name: String { definition.program }

    /// The configuration of the program's own words. `Documented` has that of the help.
    public static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: name, abstract: about.abstract)
    }

    /// Returns the command with a name or an alias, or nil if no command has it.
    static func command(_ name: String) -> (any ParsableCommand.Type)? {
        commands.lazy.flatMap(\.subcommands).first { command in
            command._commandName == name || command.configuration.aliases.contains(name)
        }
    }

    /// The flags of all commands, without those of the settings.
    static var commandFlags: [CommandFlag] {
        let ofHelp = runsWithoutCommand ? [] : [CommandFlag.all]
        let flags = Set(
            ofHelp + commands.flatMap(\.subcommands).flatMap(CommandFlag.flags).map(\.withoutLetter)
        )
        precondition(
            Set(flags.map(\.name)).count == flags.count, "two commands read a flag in two ways")
        return flags.sorted { $0.name < $1.name }
    }

    public static func unknownCommand(_ name: String) -> UsageError {
        let names = commands.flatMap(\.subcommands)
            .filter { $0.configuration.shouldDisplay }
            .map { $0._commandName }
        return UsageError(
            "unknown command \"\(name)\" for \"\(self.name)\"", program: self.name,
            suggestion: Suggestion.nearest(to: name, among: names + ["help"]))
    }

    /// Returns the help of the program, or of a command.
    ///
    /// - Parameter all: whether to include the flags of settings that all commands have. They are
    ///   the same in each help.
    public static func help(
        for command: (any ParsableCommand.Type)? = nil, all: Bool = false
    ) -> String {
        guard !runsWithoutCommand else { return message(FullHelp.self, for: command) }
        let words = ([name] + (command.map { [$0._commandName] } ?? [])).joined(separator: " ")
        var parts = [
            all ? message(FullHelp.self, for: command) : message(BriefHelp.self, for: command)
        ]
        if let examples = about.examples[words] {
            parts.append(
                "EXAMPLES:\n"
                    + examples.map { "  \($0.what)\n    \($0.command)" }.joined(separator: "\n"))
        }
        if !all {
            let command = command.map { "help \($0._commandName)" } ?? "help"
            parts.append("Flags of all commands are listed by '\(name) \(command) --all'.")
        }
        return parts.joined(separator: "\n\n")
    }

    private static func message<Detail: HelpDetail>(
        _ detail: Detail.Type, for command: (any ParsableCommand.Type)?
    ) -> String {
        let root = Documented<Self, Self, Detail>.self
        let text = root.helpMessage(for: command.map(root.type) ?? root)
        return String(text.reversed().drop(while: \.isNewline).reversed())
    }

    /// Returns the script that completes commands and flags in a shell.
    static func completionScript(for shell: CompletionShell) -> String {
        Documented<Self, Self, FullHelp>.completionScript(for: shell)
    }
}
