import ProgramKit

/// What the Tab key offers in the shell.
enum ShellCompletion {
    /// - Parameters:
    ///   - line: up to the cursor.
    ///   - word: that it ends in, may be empty.
    /// - Returns: whole words, also some that the word does not begin.
    static func candidates(_ line: String, _ word: String) -> [String] {
        if word.hasPrefix("-") {
            return ["--help"] + ClientSettings.formsOfOutput.map { "--\($0.key)" }
        }
        let names = Immuclient.displayedCommands.map { $0.name }
        switch line.dropLast(word.count).split(separator: " ").map(String.init) {
        case []: return names + ["exit", "help", "quit"]
        case ["help"]: return names
        default: return []
        }
    }
}
