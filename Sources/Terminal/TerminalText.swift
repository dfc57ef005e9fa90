/// Makes keys and values readable: a terminal would obey some bytes, and cannot show others.
public enum TerminalText {
    /// Returns text as it is; bytes that are not text, and control characters except tab and line feed, as `\xNN`.
    public static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return bytes.flatMap { (0x20..<0x7f).contains($0) ? [$0] : escape($0) }
        }
        return text.unicodeScalars.flatMap { scalar in
            let utf8 = Array(String(scalar).utf8)
            // Also those that turn the direction of what follows, so that a name reads as another.
            let isControl =
                scalar.properties.generalCategory == .control || scalar.properties.isBidiControl
            let isHarmless = scalar == "\t" || scalar == "\n"
            return isControl && !isHarmless ? utf8.flatMap(escape) : utf8
        }
    }

    /// Returns a text of one line, whose line ends and tabs are escaped as well.
    public static func escapedLine(_ text: String) -> [UInt8] {
        escaped(Array(text.utf8)).flatMap { $0 < 0x20 ? escape($0) : [$0] }
    }

    private static func escape(_ byte: UInt8) -> [UInt8] {
        let digits = String(byte, radix: 16)
        return Array(("\\x" + (digits.count < 2 ? "0" : "") + digits).utf8)
    }
}
