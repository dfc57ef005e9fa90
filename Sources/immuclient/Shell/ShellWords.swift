/// Splits a line of the shell into words, by the rules of the POSIX shell for quotes.
enum ShellWords {
    struct SyntaxError: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// Returns whether a line is a comment: it begins with `#`.
    static func isComment(_ line: String) -> Bool {
        line.first { !$0.isWhitespace } == "#"
    }

    /// Splits a line at blanks.
    ///
    /// Between `'`, every character stands for itself; between `"`, every character except `"` and `\`, which need a
    /// `\` before them; elsewhere `\` quotes the next character. Quotes may begin and end within a word, and make an
    /// empty one.
    static func split(_ line: String) throws(SyntaxError) -> [String] {
        var words: [String] = []
        // nil between words.
        var word: String?
        // By scalars, since a combining character after a quote does not change the quote.
        var rest = line.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "'", "\"":
                word = try (word ?? "") + quoted(by: scalar, &rest)
            case "\\":
                guard let next = rest.popFirst() else {
                    throw SyntaxError(description: "nothing follows the \\ at the end of the line")
                }
                word = (word ?? "") + String(next)
            case _ where scalar.properties.isWhitespace:
                if let word { words.append(word) }
                word = nil
            default:
                word = (word ?? "") + String(scalar)
            }
        }
        if let word { words.append(word) }
        return words
    }

    private static func quoted(
        by quote: Unicode.Scalar, _ rest: inout Substring.UnicodeScalarView
    ) throws(SyntaxError) -> String {
        var text = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            if scalar == quote { return String(text) }
            let isEscape = scalar == "\\" && quote == "\""
            if isEscape, let next = rest.first, next == "\"" || next == "\\" {
                rest.removeFirst()
                text.append(next)
            } else {
                text.append(scalar)
            }
        }
        throw SyntaxError(description: "the quote \(quote) is not closed: add another \(quote)")
    }
}
