/// A parsed command line: flags, wherever they stand, and words.
public struct CommandLineWords: Hashable, Sendable {
    /// The values of the settings' flags, by name. If a flag is given twice, the last value counts.
    public var flags: [String: String] = [:]
    /// The values of flags that only commands have, by name.
    public var commandFlags: [String: String] = [:]
    /// The value of `--config`, or nil if it was not given.
    public var configFile: String?
    public var asksForHelp = false
    public var asksForVersion = false
    /// The arguments that are not flags, in their order.
    public var words: [String] = []

    public init() {}
}

/// The syntax of the programs' command lines: `--name value`, `--name=value`, `-x value`,
/// `-xvalue`, `-x=value`. Switches are true by `--name` or `-x` alone and take a value only after
/// `=`. Letters combine, as in `-dp 3322`. Flags may follow other words; `--` ends them. Negative
/// numbers are words.
///
/// The argument library supports less of it, and loses values such as that of `--detached=false` if
/// another flag follows. So it only makes helps (see `SettingFlags`), and parses the words of
/// commands.
public struct FlagSyntax: Sendable {
    private struct Flag: Sendable {
        let name: String
        let letter: Character?
        let isSwitch: Bool
        var isOfCommand = false
    }

    static let configName = "config"
    static let versionName = "version"
    static let versionLetter: Character = "V"

    private static let config = Flag(name: configName, letter: nil, isSwitch: false)
    private static let help = Flag(name: "help", letter: "h", isSwitch: true)
    private static let version = Flag(name: versionName, letter: versionLetter, isSwitch: true)

    private let flags: [Flag]

    /// Makes the flags of all settings, those that commands declare, and `--config`, `--help` and
    /// `--version`.
    ///
    /// - Parameters:
    ///   - commandFlags: the flags that any command declares. Their letters are ignored.
    ///   - command: the flags of the command on the command line, whose letters are known.
    public init(
        _ settings: [any SettingDeclaration], commandFlags: [CommandFlag] = [],
        lettersOf command: [CommandFlag] = []
    ) {
        let declared = settings.map { setting in
            Flag(name: setting.key, letter: setting.short, isSwitch: setting.isSwitch)
        }
        let own = (command + commandFlags.map(\.withoutLetter)).map { flag in
            Flag(name: flag.name, letter: flag.letter, isSwitch: flag.isSwitch, isOfCommand: true)
        }
        flags = declared + [Self.config, Self.help, Self.version] + own
    }

    /// - Throws: `SettingsError` with the message that users of the earlier releases know, such as
    ///   `unknown flag: --x`.
    public func words(of arguments: [String]) throws(SettingsError) -> CommandLineWords {
        var words = CommandLineWords()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words.words += rest
                break
            } else if argument.hasPrefix("--") {
                try takeLong(argument, &rest, into: &words)
            } else if argument.hasPrefix("-"), argument != "-", !isNegativeNumber(argument) {
                try takeLetters(argument, &rest, into: &words)
            } else {
                words.words.append(argument)
            }
        }
        return words
    }

    /// Whether an argument is a number such as `-1.5` or `-inf`. `-nan` is `-n an` if there is a
    /// flag `-n`.
    private func isNegativeNumber(_ argument: String) -> Bool {
        let letter = argument.dropFirst().first
        return Double(argument) != nil && !flags.contains { $0.letter == letter }
    }

    private func takeLong(
        _ argument: String, _ rest: inout ArraySlice<String>, into words: inout CommandLineWords
    ) throws(SettingsError) {
        let parts = argument.dropFirst(2)
            .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty else {
            throw SettingsError("bad flag syntax: \(argument)")
        }
        guard let flag = flags.first(where: { $0.name == name }) else {
            throw SettingsError("unknown flag: --\(name)", suggestion: suggestion(for: name))
        }
        if parts.count > 1 {
            try take(flag, String(parts[1]), into: &words)
        } else if flag.isSwitch {
            try take(flag, "true", into: &words)
        } else if let value = rest.popFirst() {
            try take(flag, value, into: &words)
        } else {
            throw SettingsError("flag needs an argument: \(argument)")
        }
    }

    private func suggestion(for name: Substring) -> String? {
        Suggestion.nearest(to: String(name), among: flags.map(\.name)).map { "--\($0)" }
    }

    /// Parses an argument of letters: switches, and at the end possibly a flag with its value.
    private func takeLetters(
        _ argument: String, _ rest: inout ArraySlice<String>, into words: inout CommandLineWords
    ) throws(SettingsError) {
        var left = argument.dropFirst()
        while let letter = left.popFirst() {
            guard let flag = flags.first(where: { $0.letter == letter }) else {
                throw SettingsError(
                    "unknown shorthand flag: '\(letter)' in \(argument)",
                    suggestion: suggestion(for: argument.dropFirst().prefix { $0 != "=" }))
            }
            if left.first == "=" {
                return try take(flag, String(left.dropFirst()), into: &words)
            }
            if flag.isSwitch {
                try take(flag, "true", into: &words)
            } else if !left.isEmpty {
                return try take(flag, String(left), into: &words)
            } else if let value = rest.popFirst() {
                try take(flag, value, into: &words)
            } else {
                throw SettingsError("flag needs an argument: '\(letter)' in \(argument)")
            }
        }
    }

    private func take(
        _ flag: Flag, _ value: String, into words: inout CommandLineWords
    ) throws(SettingsError) {
        switch flag.name {
        case Self.help.name:
            guard value == "true" else { throw SettingsError("flag --help takes no value") }
            words.asksForHelp = true
        case Self.version.name:
            guard value == "true" else { throw SettingsError("flag --version takes no value") }
            words.asksForVersion = true
        case Self.config.name:
            words.configFile = value
        case _ where flag.isOfCommand:
            words.commandFlags[flag.name] = value
        default:
            words.flags[flag.name] = value
        }
    }
}
