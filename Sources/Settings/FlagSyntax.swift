/// The syntax that the programs' command lines have: `--name value`, `--name=value`, `-x value`,
/// `-xvalue`, `-x=value`; switches are true by `--name` or `-x` alone and take a value after `=`
/// only; letters combine, as in `-dp 3322`. Flags may follow other words; `--` ends them.
///
/// The argument library knows less of it. So arguments are first rewritten to what it knows:
/// `--name=value` for each flag, or `--name` and an empty word, since it takes none from `--name=`.
public struct FlagSyntax: Sendable {
    public struct Flag: Sendable {
        public let name: String
        public let letter: Character?
        public let isSwitch: Bool

        public init(_ name: String, letter: Character? = nil, isSwitch: Bool = false) {
            self.name = name
            self.letter = letter
            self.isSwitch = isSwitch
        }
    }

    private let flags: [Flag]

    public init(_ settings: [any SettingDeclaration], and others: [Flag] = []) {
        let declared = settings.map { setting in
            Flag(setting.key, letter: setting.short, isSwitch: setting.isSwitch)
        }
        flags = declared + others + [Self.help]
    }

    /// Passed on without a value, for the argument library to answer.
    private static let help = Flag("help", letter: "h", isSwitch: true)

    /// - Throws: `SettingsError` with the words that users of the earlier releases know, such as
    ///   `unknown flag: --x`.
    public func rewritten(_ arguments: [String]) throws(SettingsError) -> [String] {
        var rewritten: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                return rewritten + [argument] + rest
            } else if argument.hasPrefix("--") {
                rewritten += try long(argument, &rest)
            } else if argument.hasPrefix("-"), argument != "-" {
                rewritten += try letters(argument, &rest)
            } else {
                rewritten.append(argument)
            }
        }
        return rewritten
    }

    private func long(
        _ argument: String, _ rest: inout ArraySlice<String>
    ) throws(SettingsError) -> [String] {
        let parts = argument.dropFirst(2)
            .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty else {
            throw SettingsError("bad flag syntax: \(argument)")
        }
        guard let flag = flags.first(where: { $0.name == name }) else {
            throw SettingsError("unknown flag: --\(name)")
        }
        if parts.count > 1 { return try text(flag, String(parts[1])) }
        if flag.isSwitch { return try text(flag, "true") }
        guard let value = rest.popFirst() else {
            throw SettingsError("flag needs an argument: \(argument)")
        }
        return try text(flag, value)
    }

    /// One argument of letters: switches, of which the last one may be a flag with its value.
    private func letters(
        _ argument: String, _ rest: inout ArraySlice<String>
    ) throws(SettingsError) -> [String] {
        var rewritten: [String] = []
        var left = argument.dropFirst()
        while let letter = left.popFirst() {
            guard let flag = flags.first(where: { $0.letter == letter }) else {
                throw SettingsError("unknown shorthand flag: '\(letter)' in \(argument)")
            }
            if left.first == "=" {
                return try rewritten + text(flag, String(left.dropFirst()))
            }
            if flag.isSwitch {
                rewritten += try text(flag, "true")
            } else if !left.isEmpty {
                return try rewritten + text(flag, String(left))
            } else if let value = rest.popFirst() {
                return try rewritten + text(flag, value)
            } else {
                throw SettingsError("flag needs an argument: '\(letter)' in \(argument)")
            }
        }
        return rewritten
    }

    private func text(_ flag: Flag, _ value: String) throws(SettingsError) -> [String] {
        guard flag.name == Self.help.name else {
            return value.isEmpty ? ["--\(flag.name)", ""] : ["--\(flag.name)=\(value)"]
        }
        guard value == "true" else { throw SettingsError("flag --help takes no value") }
        return ["--help"]
    }
}

/// The arguments of this process.
public enum ProcessArguments {
    /// - Throws: `SettingsError` if one is not UTF-8: as a path it would name another file than the
    ///   one that was meant.
    public static func text() throws(SettingsError) -> [String] {
        var arguments: [String] = []
        for position in 1..<max(1, Int(CommandLine.argc)) {
            guard let bytes = CommandLine.unsafeArgv[position],
                let argument = String(validatingCString: bytes)
            else { throw SettingsError("argument \(position) is not UTF-8 text") }
            arguments.append(argument)
        }
        return arguments
    }
}
