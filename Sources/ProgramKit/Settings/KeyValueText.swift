/// Files of `key=value` lines: ini and dotenv, by the same rules.
///
/// - A line is `key = value`. `export` may stand before the key. Blanks around both are removed.
/// - `#` or `;` at the beginning of a line or after a blank begins a comment.
/// - `"…"` may contain `\"`, `\\`, `\n` and `\t`; `'…'` is taken literally. Only a comment may
///   follow.
/// - Sections have no meaning here and are refused, as is a line without `=`.
enum KeyValueText {
    static func items(of text: String) throws(ConfigSyntaxError) -> [ConfigFile.Item] {
        var items: [ConfigFile.Item] = []
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (number, line) in zip(1..., lines) {
            do {
                guard let (key, value) = try pair(of: trimmed(line)) else { continue }
                items.append(ConfigFile.Item(key: key, value: .untyped(value), line: number))
            } catch {
                throw ConfigSyntaxError(line: number, error.reason)
            }
        }
        return items
    }

    private static func pair(
        of line: Substring
    ) throws(ConfigSyntaxError) -> (key: String, value: String)? {
        guard let first = line.first, !"#;".contains(first) else { return nil }
        guard first != "[" else {
            throw ConfigSyntaxError(
                "sections such as \(line) have no meaning here: "
                    + "write the keys without them")
        }
        guard let end = line.firstIndex(of: "=") else {
            throw ConfigSyntaxError("\"\(line)\" is not key=value")
        }
        var key = trimmed(line[..<end])
        if key.hasPrefix("export "), let blank = key.firstIndex(of: " ") {
            key = trimmed(key[blank...])
        }
        guard !key.isEmpty, !key.contains(where: \.isWhitespace) else {
            throw ConfigSyntaxError("\"\(key)\" is not a key: write key=value")
        }
        return (String(key), try value(of: trimmed(line[line.index(after: end)...])))
    }

    private static func value(of text: Substring) throws(ConfigSyntaxError) -> String {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            return String(withoutComment(text))
        }
        var value = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == quote {
                guard trimmed(withoutComment(rest)).isEmpty else {
                    throw ConfigSyntaxError("text after the closing quote: \(trimmed(rest))")
                }
                return value
            }
            guard character == "\\", quote == "\"" else {
                value.append(character)
                continue
            }
            switch rest.popFirst() {
            case "\"": value.append("\"")
            case "\\": value.append("\\")
            case "n": value.append("\n")
            case "t": value.append("\t")
            case let other:
                let escape = other.map(String.init) ?? ""
                throw ConfigSyntaxError("\\\(escape) means nothing in quotes: write \\\\ for a \\")
            }
        }
        throw ConfigSyntaxError("the quote \(quote) is not closed")
    }

    /// Returns the text up to a comment, which begins the text or follows a blank.
    private static func withoutComment(_ text: Substring) -> Substring {
        var end = text.startIndex
        var isAfterBlank = true
        for index in text.indices {
            let character = text[index]
            if isAfterBlank, character == "#" || character == ";" { break }
            isAfterBlank = character.isWhitespace
            if !isAfterBlank { end = text.index(after: index) }
        }
        return text[..<end]
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
