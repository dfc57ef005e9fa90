extension Unicode.Scalar {
    /// Whether it could forge or hide a part of a line: control characters, ends of lines, and those that turn
    /// the direction of what follows, so that a name reads as another.
    package var isUnsafeInLine: Bool {
        if value < 0x7f { return value < 0x20 }
        return switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: properties.isBidiControl
        }
    }
}

extension String {
    /// The same text, with `\n` or `\u{202E}` in the place of what is unsafe in a line.
    package var escapedForLine: String {
        guard unicodeScalars.contains(where: \.isUnsafeInLine) else { return self }
        var escaped = ""
        for scalar in unicodeScalars {
            if scalar.isUnsafeInLine {
                escaped += scalar.escaped(asASCII: true)
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

/// Text in JSON, on one line.
package enum JSONLine {
    /// - Parameter members: names, and values in JSON.
    package static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\(string($0)):\($1)" }.joined(separator: ",") + "}"
    }

    /// A JSON string literal (RFC 8259 section 7). What is unsafe in a line is escaped as well.
    package static func string(_ text: String) -> String {
        var literal = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": literal += "\\\""
            case "\\": literal += "\\\\"
            // All of them are below U+10000: one escape each.
            case _ where scalar.isUnsafeInLine:
                let digits = String(scalar.value, radix: 16)
                literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: literal.unicodeScalars.append(scalar)
            }
        }
        return literal + "\""
    }
}
