/// The effect of the completion key on a line.
enum Completion: Equatable {
    case nothing
    /// Text to insert at the cursor.
    case insert(String)
    /// Candidates to show, since the word can be completed in several ways.
    case list([String])

    /// - Parameters:
    ///   - line: the line up to the cursor.
    ///   - candidates: returns whole words; those that do not begin with the word are ignored.
    init(of line: String, by candidates: (_ line: String, _ word: String) -> [String]) {
        let word = Self.word(endingIn: line)
        let begun = Array(word.utf8)
        // Compares bytes, since equal-looking characters can be different keys.
        let fitting = Set(candidates(line, word)).filter { $0.utf8.starts(with: begun) }.sorted()
        guard let first = fitting.first else {
            self = .nothing
            return
        }
        if fitting.count == 1 {
            let rest = first.utf8.dropFirst(begun.count)
            self = .insert(
                String(decoding: rest, as: UTF8.self) + (first.hasSuffix("/") ? "" : " "))
            return
        }
        let rest = Self.commonPrefix(fitting).dropFirst(begun.count)
        self = rest.isEmpty ? .list(fitting) : .insert(String(decoding: rest, as: UTF8.self))
    }

    /// Returns the word at the end of a line; empty after a space.
    static func word(endingIn line: String) -> String {
        let start = line.lastIndex(where: \.isWhitespace).map(line.index(after:))
        return String(line[(start ?? line.startIndex)...])
    }

    /// Returns the bytes with which all words begin, without a part of a character.
    private static func commonPrefix(_ words: [String]) -> [UInt8] {
        var prefix = Array((words.first ?? "").utf8)
        for word in words.dropFirst() {
            prefix = zip(prefix, word.utf8).prefix { $0 == $1 }.map(\.0)
        }
        while !prefix.isEmpty, String(validating: prefix, as: UTF8.self) == nil {
            prefix.removeLast()
        }
        return prefix
    }

    /// Formats words in columns, read line by line, with a line feed after each line.
    static func columns(_ words: [String], width: Int) -> String {
        let shown = words.map {
            String(decoding: TerminalText.escaped(Array($0.utf8)), as: UTF8.self)
        }
        let column = (shown.map(\.count).max() ?? 0) + 2
        let perLine = max(1, (width - 1) / column)
        var text = ""
        for (position, word) in shown.enumerated() {
            text += word
            let endsLine = position % perLine == perLine - 1 || position == shown.count - 1
            text += endsLine ? "\n" : String(repeating: " ", count: column - word.count)
        }
        return text
    }
}
