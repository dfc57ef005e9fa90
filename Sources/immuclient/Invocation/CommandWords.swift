import Settings

/// The arguments of one command, taken apart: flags, wherever they stand, and words.
struct CommandWords: Equatable {
    /// Values of the flags that were given, by name.
    var flags: [String: String] = [:]
    var asksForHelp = false
    /// The command and its own arguments.
    var words: [String] = []

    private static let syntax = FlagSyntax(
        ClientSettings.definition.settings, and: [.init("config")])

    /// - Throws: `SettingsError` that names a flag which is unknown or lacks its value.
    init(_ arguments: [String]) throws(SettingsError) {
        var rest: ArraySlice<String>
        do {
            rest = try Self.syntax.rewritten(NegativeNumber.marked(arguments))[...]
        } catch {
            throw SettingsError(error.message.filter { $0 != "\u{E000}" })
        }
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest.map(NegativeNumber.unmarked)
                break
            } else if argument == "--help" {
                asksForHelp = true
            } else if argument.hasPrefix("--") {
                // As the syntax is rewritten: --name=value, or --name and an empty word.
                let parts = argument.dropFirst(2)
                    .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() ?? ""
                flags[String(parts[0])] = NegativeNumber.unmarked(value)
            } else {
                words.append(NegativeNumber.unmarked(argument))
            }
        }
    }
}
