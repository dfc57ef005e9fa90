import ArgumentParser
import ProgramKit

/// What the words of a command line, or of a line of the shell, ask for.
struct Invocation {
    enum Action {
        case run(any ImmuclientCommand)
        case help(for: (any ImmuclientCommand.Type)?)
    }

    let action: Action
    /// By the keys of their settings.
    let flags: [String: String]
    let configFile: String?

    /// - Throws: `UsageError`.
    init(_ arguments: [String]) throws(UsageError) {
        let words: CommandLineWords
        do {
            words = try FlagSyntax(ClientSettings.definition.settings).words(of: arguments)
        } catch {
            throw UsageError(error.message)
        }
        configFile = words.configFile
        flags = words.flags
        action = try Self.action(words)
    }

    private static func action(_ words: CommandLineWords) throws(UsageError) -> Action {
        guard let name = words.words.first else { return .help(for: nil) }
        let own = Array(words.words.dropFirst())
        if name == "help" {
            guard own.count <= 1 else {
                throw UsageError("accepts at most 1 arg(s), received \(own.count)")
            }
            return .help(for: try own.first.map(commandType))
        }
        let type = try commandType(name)
        return words.asksForHelp ? .help(for: type) : .run(try type.parsed(own))
    }

    private static func commandType(_ name: String) throws(UsageError) -> any ImmuclientCommand.Type
    {
        let type = Immuclient.commands.first { $0.name == name || $0.aliases.contains(name) }
        guard let type else { throw UsageError("unknown command \"\(name)\" for \"immuclient\"") }
        return type
    }
}

extension ImmuclientCommand {
    /// The command with its own arguments.
    fileprivate static func parsed(_ words: [String]) throws(UsageError) -> any ImmuclientCommand {
        guard wordCount.contains(words.count) else {
            throw UsageError(countMessage(words.count), of: Self.self)
        }
        do {
            return try parse(["--"] + words)
        } catch {
            throw UsageError(message(for: error), of: Self.self)
        }
    }

    /// In the words that users of the earlier releases know.
    private static func countMessage(_ count: Int) -> String {
        if wordCount.count == 1 {
            return "accepts \(wordCount.lowerBound) arg(s), received \(count)"
        }
        return count < wordCount.lowerBound
            ? "requires at least \(wordCount.lowerBound) arg(s), only received \(count)"
            : "accepts at most \(wordCount.upperBound) arg(s), received \(count)"
    }
}

/// Words that make no command.
struct UsageError: Error {
    let message: String
    /// The command that they were meant for, if it is known.
    let command: (any ImmuclientCommand.Type)?

    init(_ message: String, of command: (any ImmuclientCommand.Type)? = nil) {
        self.message = message
        self.command = command
    }

    /// The message, and where to read on.
    ///
    /// - Parameter isInShell: commands are then typed without the program's name.
    func text(isInShell: Bool = false) -> String {
        let program = isInShell ? "" : "immuclient "
        guard let command else { return "Error: \(message)\nRun '\(program)help' for usage." }
        let usage = "Usage: \(program)\(command.usage)"
        return "Error: \(message)\n\(usage)\nRun '\(program)help \(command.name)' for more."
    }
}
