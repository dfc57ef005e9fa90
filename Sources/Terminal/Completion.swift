/// What the key for completion does to a line.
enum Completion: Equatable {
    case nothing
    /// Text to insert at the cursor.
    case insert(String)
    /// Candidates to show, since the word could go on in several ways.
    case list([String])

    /// - Parameters:
    ///   - line: up to the cursor.
    ///   - candidates: whole words that could be meant; those that the word does not begin are
    ///     passed over.
    init(of line: String, by candidates: (_ line: String, _ word: String) -> [String]) {
        let word = Self.word(endingIn: line)
        let begun = Array(word.utf8)
        // By bytes: characters that only look the same are not the same key.
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

    /// The word that a line ends in; empty after a blank.
    static func word(endingIn line: String) -> String {
        let start = line.lastIndex(where: \.isWhitespace).map(line.index(after:))
        return String(line[(start ?? line.startIndex)...])
    }

    /// The bytes that all words begin with, without the first bytes of a character that differs.
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

    /// Words in columns, read line by line, each line ended.
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
