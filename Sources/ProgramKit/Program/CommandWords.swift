public import ArgumentParser

/// The words that follow a command's name, as the command's `@Argument` properties declare them.
public struct CommandWords: Sendable {
    let name: String
    private let words: [ArgumentDump]

    public init(of command: any ParsableCommand.Type) {
        do {
            name = command._commandName
            words = try CommandDump(of: command).shownArguments.filter { $0.kind == .positional }
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// The allowed numbers of words.
    public var count: ClosedRange<Int> {
        let least = words.count { !$0.isOptional }
        return least...(words.contains(where: \.isRepeating) ? Int.max : words.count)
    }

    /// The syntax of the command, without the program's name: `set <key> [<value>] [flags]`.
    public var usage: String {
        let texts = words.map { word in
            let text = "<\(word.valueName ?? "")>" + (word.isRepeating ? " ..." : "")
            return word.isOptional ? "[\(text)]" : text
        }
        return ([name] + texts + ["[flags]"]).joined(separator: " ")
    }

    /// Returns the message about a wrong number of words, as users of the earlier releases know it,
    /// or nil if the number is right.
    func complaint(about given: Int) -> String? {
        guard !count.contains(given) else { return nil }
        if count.count == 1 { return "accepts \(count.lowerBound) arg(s), received \(given)" }
        return given < count.lowerBound
            ? "requires at least \(count.lowerBound) arg(s), only received \(given)"
            : "accepts at most \(count.upperBound) arg(s), received \(given)"
    }
}
