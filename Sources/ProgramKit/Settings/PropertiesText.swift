/// A `.properties` file, by the rules of Java's `Properties.load`.
///
/// - A line is a key and a value, with `=`, `:` or blank between them. Blank before both is cut.
/// - `#` or `!` at the beginning of a line begin a comment; behind a value they are part of it.
/// - `\t`, `\n`, `\r`, `\f` and `\uXXXX` are characters, `\` before any other one is that one, and
///   at the end of a line joins the next one, without the blank that it begins with.
///
/// Refused, as they can hardly be meant: sections, and values in quotes, which would be part of
/// them.
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

    /// Lines with those that they are continued by, and where they begin.
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

    /// Characters up to an end, which stays in the rest.
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

    /// The four hex digits behind `\u`.
    private static func scalar(_ rest: inout Substring) throws(ConfigSyntaxError) -> Unicode.Scalar
    {
        let digits = rest.prefix(4)
        rest.removeFirst(digits.count)
        guard digits.count == 4, digits.allSatisfy(\.isHexDigit),
            let number = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(number)
        else {
            throw ConfigSyntaxError(
                "\\u\(digits) is no character: write it itself, the file is UTF-8")
        }
        return scalar
    }

    private static func isBlank(_ character: Character) -> Bool {
        character == " " || character == "\t" || character == "\u{c}"
    }
}
