public import ArgumentParser

/// The words that a command takes behind its name, as its properties with `@Argument` declare them.
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

    /// How many there may be.
    public var count: ClosedRange<Int> {
        let least = words.count { !$0.isOptional }
        return least...(words.contains(where: \.isRepeating) ? Int.max : words.count)
    }

    /// How the command is written, without the program's name: `set <key> [<value>] [flags]`.
    public var usage: String {
        let texts = words.map { word in
            let text = "<\(word.valueName ?? "")>" + (word.isRepeating ? " ..." : "")
            return word.isOptional ? "[\(text)]" : text
        }
        return ([name] + texts + ["[flags]"]).joined(separator: " ")
    }

    /// What is wrong with so many words, as users of the earlier releases know it; nil if nothing
    /// is.
    func complaint(about given: Int) -> String? {
        guard !count.contains(given) else { return nil }
        if count.count == 1 { return "accepts \(count.lowerBound) arg(s), received \(given)" }
        return given < count.lowerBound
            ? "requires at least \(count.lowerBound) arg(s), only received \(given)"
            : "accepts at most \(count.upperBound) arg(s), received \(given)"
    }
}
