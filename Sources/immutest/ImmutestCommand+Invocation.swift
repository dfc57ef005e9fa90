import ArgumentParser
import ImmudbProtocol
import ProgramKit

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
        let words = try FlagSyntax(ImmutestSettings.definition.settings).words(of: arguments)
        let own = Array(words.words.dropFirst())
        switch words.words.first {
        case "help":
            return .show(helpMessage(for: try own.first.map(command) ?? self))
        case let name? where named(name) != nil:
            let type = try command(name)
            return words.asksForHelp
                ? .show(helpMessage(for: type)) : try invocation(of: type, own)
        case let count:
            guard !words.asksForHelp else { return .show(helpMessage()) }
            if let word = own.first { throw SettingsError("Unexpected argument '\(word)'") }
            return .populate(
                count: try number(count), flags: words.flags, configFile: words.configFile)
        }
    }

    private static func invocation(
        of type: any ParsableCommand.Type, _ words: [String]
    ) throws(SettingsError) -> Invocation {
        do {
            switch try type.parseAsRoot(["--"] + words) {
            case let command as Mangen:
                return .mangen(directory: command.directory ?? Mangen.defaultDirectory)
            default:
                return .show("immutest \(ImmudbRelease.version)")
            }
        } catch {
            throw SettingsError(message(for: error))
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
