/// The markup of man pages: text between lines that are commands, which begin with a dot.
enum Roff {
    /// Escapes a text so that nothing in it is a command and every character is printed as it is. A
    /// hyphen is not printed as a dash: text that is copied from the page can be typed.
    static func text(_ text: String) -> String {
        var roff = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": roff += "\\e"
            case "-": roff += "\\-"
            case "'": roff += "\\(aq"
            case "\"": roff += "\\(dq"
            case "`": roff += "\\(ga"
            case "^": roff += "\\(ha"
            case "~": roff += "\\(ti"
            case " "..<"\u{7f}": roff.unicodeScalars.append(scalar)
            case "\t", "\n", "\r": roff += " "
            case "\0"..<" ", "\u{7f}"..<"\u{a0}": break
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                roff += "\\[u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
                roff += "]"
            }
        }
        return roff
    }

    /// Escapes a line of text so that it is not a command, even if it begins like one.
    static func line(_ text: String) -> String {
        let roff = Self.text(text)
        return roff.hasPrefix(".") ? "\\&" + roff : roff
    }

    /// Returns lines of text that are filled to the page's width when it is read. They are broken
    /// here as well, for people who look at the file.
    static func filled(_ text: String, width: Int = 78) -> [String] {
        var lines: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            let word = Self.text(String(word))
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(word.hasPrefix(".") ? "\\&" + word : word)
            }
        }
        return lines
    }

    static func bold(_ text: String) -> String { "\\fB\(Self.text(text))\\fR" }
    static func italic(_ text: String) -> String { "\\fI\(Self.text(text))\\fR" }

    /// Returns paragraphs, which are filled, and runs of indented lines, which stay as they are.
    ///
    /// - Parameter prose: the text, with blank lines between its paragraphs.
    static func paragraphs(_ prose: String) -> [String] {
        var lines: [String] = []
        var isVerbatim = false
        var needsParagraph = false
        for line in prose.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.allSatisfy(\.isWhitespace) {
                needsParagraph = !lines.isEmpty
                continue
            }
            let isIndented = line.first?.isWhitespace == true
            if isVerbatim, !isIndented || needsParagraph {
                lines += [".fi", ".RE"]
                isVerbatim = false
            }
            if needsParagraph { lines.append(".PP") }
            needsParagraph = false
            if isIndented, !isVerbatim {
                lines += [".RS 4", ".nf"]
                isVerbatim = true
            }
            let words = String(line.drop(while: \.isWhitespace))
            lines += isIndented ? [Self.line(words)] : filled(words)
        }
        return lines + (isVerbatim ? [".fi", ".RE"] : [])
    }
}
