import ProgramKit

/// The completions of the Tab key in the shell.
enum ShellCompletion {
    /// - Parameters:
    ///   - line: the line up to the cursor.
    ///   - word: the word at the end of `line`; may be empty.
    /// - Returns: whole words, including some that do not begin with `word`.
    static func candidates(_ line: String, _ word: String) -> [String] {
        if word.hasPrefix("-") {
            let typed = line.split(separator: " ").first.map(String.init)
            let command = Immuclient.displayedCommands.first { type in
                typed.map { ([type.name] + type.aliases).contains($0) } ?? false
            }
            return ["--help"] + ClientSettings.formsOfOutput.map { "--\($0.key)" }
                + (command.map { CommandFlag.flags(of: $0) } ?? []).map { "--\($0.name)" }
        }
        let names = Immuclient.displayedCommands.map { $0.name }
        switch line.dropLast(word.count).split(separator: " ").map(String.init) {
        case []: return names + ["clear", "exit", "help", "quit"]
        case ["help"], ["?"]: return names
        default: return []
        }
    }
}
