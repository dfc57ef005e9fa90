public import ArgumentParser

/// The action that a command line asks for.
public struct Invocation<P: Program> {
    public enum Action {
        /// Runs a command with its words, or the program itself, which has a function without a
        /// command.
        case run(any ParsableCommand)
        /// Shows the help of a command, or of the program; with all flags, or without those that
        /// all commands have.
        case help(for: (any ParsableCommand.Type)?, all: Bool)
    }

    public let action: Action
    /// The values of the flags on the command line, by the keys of their settings.
    public let flags: [String: String]
    /// The value of `--config`.
    public let configFile: String?

    /// - Throws: `UsageError` that names the wrong word.
    public init(_ arguments: [String]) throws(UsageError) {
        let words: CommandLineWords
        do {
            // Looking for the flags of commands takes time, and most command lines have none.
            let hasFlags = arguments.contains { $0.hasPrefix("--") }
            let hasLetters = arguments.contains { $0.hasPrefix("-") && !$0.hasPrefix("--") }
            // The meaning of a letter depends on the command: the first word that names one.
            let command = hasLetters ? arguments.lazy.compactMap(P.command).first : nil
            words = try FlagSyntax(
                P.definition.settings, commandFlags: hasFlags ? P.commandFlags : [],
                lettersOf: command.map(CommandFlag.flags) ?? []
            ).words(of: arguments)
        } catch {
            throw UsageError(error.message, program: P.name, suggestion: error.suggestion)
        }
        flags = words.flags
        configFile = words.configFile
        action =
            words.asksForVersion && !words.asksForHelp
            ? .run(VersionCommand<P>())
            : try Self.action(words.words[...], words)
    }

    private static func action(
        _ words: ArraySlice<String>, _ line: CommandLineWords
    ) throws(UsageError) -> Action {
        let (asksForHelp, flags) = (line.asksForHelp, line.commandFlags)
        let asksForAll: Bool
        do {
            asksForAll = try flags[CommandFlag.all.name].map(CommandFlag.all.argument) != nil
        } catch {
            throw UsageError(error.message, program: P.name)
        }
        guard let first = words.first else {
            return asksForHelp || !P.runsWithoutCommand
                ? .help(for: nil, all: asksForAll) : try run(P.self, [], flags)
        }
        let rest = words.dropFirst()
        if first == "help" {
            guard rest.count <= 1 else {
                throw UsageError(
                    "accepts at most 1 arg(s), received \(rest.count)", program: P.name)
            }
            guard let name = rest.first, name != "help" else {
                return .help(for: nil, all: asksForAll)
            }
            guard let command = P.command(name) else { throw P.unknownCommand(name) }
            return .help(for: command, all: asksForAll)
        }
        if let command = P.command(first) {
            return asksForHelp
                ? .help(for: command, all: asksForAll) : try run(command, rest, flags)
        }
        guard P.runsWithoutCommand, CommandWords(of: P.self).count.upperBound > 0 else {
            throw P.unknownCommand(first)
        }
        return asksForHelp ? .help(for: nil, all: asksForAll) : try run(P.self, words, flags)
    }

    private static func run(
        _ command: any ParsableCommand.Type, _ words: ArraySlice<String>,
        _ flags: [String: String]
    ) throws(UsageError) -> Action {
        let declared = CommandWords(of: command)
        let subject = command == P.self ? nil : declared
        if let complaint = declared.complaint(about: words.count) {
            throw UsageError(complaint, program: P.name, command: subject)
        }
        let arguments: [String]
        do {
            arguments = try Self.arguments(for: flags, of: command)
        } catch {
            throw UsageError(error.message, program: P.name, command: subject)
        }
        do {
            return .run(try command.parse(arguments + ["--"] + words))
        } catch {
            throw UsageError(command.message(for: error), program: P.name, command: subject)
        }
    }
}

extension Invocation {
    /// Returns the flags of a command in the form that the argument library reads.
    private static func arguments(
        for given: [String: String], of command: any ParsableCommand.Type
    ) throws(SettingsError) -> [String] {
        guard !given.isEmpty else { return [] }
        let flags = CommandFlag.flags(of: command)
        var arguments: [String] = []
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            guard let flag = flags.first(where: { $0.name == name }) else {
                throw SettingsError("flag --\(name): \(command._commandName) has no such flag")
            }
            if let argument = try flag.argument(value) { arguments.append(argument) }
        }
        return arguments
    }

    /// Returns the text, if that is all that the command line asks for: a help, or the output of a
    /// `ProgramCommand`. Returns nil if there is more to do.
    public func answer() throws -> String? {
        switch action {
        case .help(let command, let all): P.help(for: command, all: all)
        case .run(let command as any ProgramCommand): try command.text()
        case .run: nil
        }
    }

    /// Reads the environment and the config file.
    public func sources() throws(SettingsError) -> SettingsSources {
        try SettingsSources(P.definition, flags: flags, configFile: configFile)
    }
}
