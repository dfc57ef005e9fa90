/// A `.properties` file, by the rules of Java's `Properties.load`.
///
/// - A line is a key and a value, with `=`, `:` or a blank between them. Blanks before both are
///   removed.
/// - `#` or `!` at the beginning of a line begins a comment; after a value it is part of the value.
/// - `\t`, `\n`, `\r`, `\f` and `\uXXXX` are characters. `\` before any other character is that
///   character; at the end of a line it joins the next line, without that line's leading blanks.
///
/// Sections, and values in quotes, which would be part of them, are refused: they are hardly
/// intended.
enum PropertiesText {
    static func items(of text: String) throws(ConfigSyntaxError) -> [ConfigFile.Item] {
        var items: [ConfigFile.Item] = []
        for (number, line) in logicalLines(of: text) {
            do {
                let (key, value) = try pair(of: line)
                items.append(ConfigFile.Item(key: key, value: .untyped(value), line: number))
            } catch {
                throw ConfigSyntaxError(line: number, error.reason)
            }
        }
        return items
    }

    /// Joins each line with those that continue it. The number is that of the first line.
    private static func logicalLines(of text: String) -> [(number: Int, line: Substring)] {
        var lines: [(number: Int, line: Substring)] = []
        var isContinued = false
        let natural = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (number, line) in zip(1..., natural) {
            var line = line.drop(while: isBlank)
            guard isContinued || !(line.isEmpty || line.first == "#" || line.first == "!") else {
                continue
            }
            let backslashes = line.reversed().prefix { $0 == "\\" }.count
            let goesOn = backslashes % 2 == 1
            if goesOn { line.removeLast() }
            if isContinued {
                lines[lines.count - 1].line += line
            } else {
                lines.append((number, line))
            }
            isContinued = goesOn
        }
        return lines
    }

    private static func pair(
        of line: Substring
    ) throws(ConfigSyntaxError) -> (key: String, value: String) {
        guard line.first != "[" else {
            throw ConfigSyntaxError(
                "sections such as \(line) have no meaning here: write the keys without them")
        }
        var rest = line
        let key = try unescaped(&rest) { isBlank($0) || $0 == "=" || $0 == ":" }
        guard !key.isEmpty else { throw ConfigSyntaxError("a line without a key") }
        rest = rest.drop(while: isBlank)
        if let separator = rest.first, separator == "=" || separator == ":" {
            rest = rest.dropFirst().drop(while: isBlank)
        }
        guard rest.first != "\"", rest.first != "'" else {
            throw ConfigSyntaxError(
                "quotes are part of a value in a properties file: write \(rest) without them")
        }
        return (key, try unescaped(&rest) { _ in false })
    }

    /// Reads characters up to an end character, which stays in `rest`.
    private static func unescaped(
        _ rest: inout Substring, upTo isEnd: (Character) -> Bool
    ) throws(ConfigSyntaxError) -> String {
        var text = ""
        while let character = rest.first, !isEnd(character) {
            rest.removeFirst()
            guard character == "\\" else {
                text.append(character)
                continue
            }
            switch rest.popFirst() {
            case "t": text.append("\t")
            case "n": text.append("\n")
            case "r": text.append("\r")
            case "f": text.append("\u{c}")
            case "u": text.unicodeScalars.append(try scalar(&rest))
            case let other?: text.append(other)
            case nil: break
            }
        }
        return text
    }

    /// Reads the four hexadecimal digits after `\u`.
    private static func scalar(_ rest: inout Substring) throws(ConfigSyntaxError) -> Unicode.Scalar
    {
        let digits = rest.prefix(4)
        rest.removeFirst(digits.count)
        guard digits.count == 4, digits.allSatisfy(\.isHexDigit),
            let number = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(number)
        else {
            throw ConfigSyntaxError(
                "\\u\(digits) is not a character: write the character itself, the file is UTF-8")
        }
        return scalar
    }

    private static func isBlank(_ character: Character) -> Bool {
        character == " " || character == "\t" || character == "\u{c}"
    }
}
