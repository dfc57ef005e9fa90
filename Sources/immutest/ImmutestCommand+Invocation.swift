import ArgumentParser
import ImmudbProtocol
import Settings

extension ImmutestCommand {
    /// What the arguments ask for.
    enum Invocation {
        case populate(count: Int, flags: [String: String], configFile: String?)
        /// Man pages to write.
        case mangen(directory: String)
        /// A text to print, and nothing more to do.
        case show(String)
    }

    /// - Throws: `SettingsError` that names the offending word.
    static func invocation(_ arguments: [String]) throws(SettingsError) -> Invocation {
        var rest = try rewritten(arguments)
        let words = rest.filter { !$0.hasPrefix("--") && !$0.isEmpty }
        // The library would take the name of a command for the number of entries.
        switch words.first {
        case "help":
            let type = try words.dropFirst().first.map(command)
            return .show(helpMessage(for: type ?? self))
        case let word? where named(word) != nil:
            rest.remove(at: rest.firstIndex(of: word) ?? 0)
            return try parse(command(word), rest)
        default:
            // And after a number it would go on to the command.
            if let word = words.dropFirst().first(where: { named($0) != nil }) {
                throw SettingsError("Unexpected argument '\(word)'")
            }
            return try parse(self, rest)
        }
    }

    private static func parse(
        _ type: any ParsableCommand.Type, _ arguments: [String]
    ) throws(SettingsError) -> Invocation {
        guard !arguments.contains("--help") else { return .show(helpMessage(for: type)) }
        let parsed: any ParsableCommand
        do {
            parsed = try type.parseAsRoot(arguments)
        } catch {
            guard exitCode(for: error).isSuccess else { throw SettingsError(message(for: error)) }
            return .show(fullMessage(for: error))
        }
        switch parsed {
        case let command as ImmutestCommand:
            return .populate(
                count: try number(command.count), flags: command.given, configFile: command.config)
        case let command as Mangen:
            return .mangen(directory: command.directory ?? Mangen.defaultDirectory)
        default:
            return .show("immutest \(ImmudbRelease.version)")
        }
    }

    private static func named(_ word: String) -> (any ParsableCommand.Type)? {
        configuration.subcommands.first { $0._commandName == word }
    }

    private static func command(_ word: String) throws(SettingsError) -> any ParsableCommand.Type {
        if word == "help" { return self }
        guard let command = named(word) else {
            throw SettingsError("unknown command \"\(word)\" for \"immutest\"")
        }
        return command
    }

    private static func rewritten(_ arguments: [String]) throws(SettingsError) -> [String] {
        do {
            return try FlagSyntax(ImmutestSettings.definition.settings, and: [.init("config")])
                .rewritten(arguments)
        } catch {
            // A number below zero looks like a flag, but nobody means one by it.
            let negative = arguments.first { Int($0).map { $0 < 0 } ?? false }
            guard let negative, error.message.hasSuffix(" in \(negative)") else { throw error }
            throw countError(negative)
        }
    }

    private static func number(_ text: String?) throws(SettingsError) -> Int {
        guard let text else { return defaultCount }
        // A word that is no number was probably meant as a command.
        guard text.first.map({ $0.isNumber || $0 == "-" || $0 == "+" }) ?? true else {
            throw SettingsError("unknown command \"\(text)\" for \"immutest\"")
        }
        guard let count = Int(text), count > 0 else { throw countError(text) }
        return count
    }

    private static func countError(_ text: String) -> SettingsError {
        SettingsError(
            "the number of entries is \"\(text)\": give a whole number that is larger than 0")
    }
}
