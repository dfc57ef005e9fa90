/// An error of the command line.
public struct UsageError: Error, CustomStringConvertible {
    public let message: String
    /// The command or flag that was probably meant.
    public let suggestion: String?
    private let program: String
    /// The command that the words were meant for, if it is known.
    private let command: CommandWords?

    public init(
        _ message: String, program: String, command: CommandWords? = nil, suggestion: String? = nil
    ) {
        self.message = message
        self.suggestion = suggestion
        self.program = program
        self.command = command
    }

    public var description: String { message }

    /// Returns the message, and where to read on.
    ///
    /// - Parameter isInShell: whether commands are typed without the program's name.
    public func text(isInShell: Bool = false) -> String {
        let problem =
            "Error: \(message)" + (suggestion.map { "\nDid you mean '\($0)'?" } ?? "")
        guard let command else {
            return "\(problem)\nRun '\(isInShell ? "help" : "\(program) --help")' for usage."
        }
        let prefix = isInShell ? "" : "\(program) "
        return """
            \(problem)
            Usage: \(prefix)\(command.usage)
            Run '\(prefix)help \(command.name)' for more.
            """
    }
}
