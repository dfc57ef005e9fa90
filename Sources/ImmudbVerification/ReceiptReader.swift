import MerkleTree

/// Parses the text of a receipt, line by line.
struct ReceiptReader {
    private var lines: ArraySlice<(number: Int, text: Substring)> = []
    private var lineNumber = 1

    init(_ text: String) {
        let all = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in zip(1..., all) where !line.isEmpty && !line.hasPrefix("#") {
            lines.append((number, line))
        }
    }

    var isAtEnd: Bool { lines.isEmpty }

    /// - Parameter message: describes the last line that was read.
    func error(_ message: String) -> ReceiptSyntaxError {
        ReceiptSyntaxError(message: message, line: lineNumber)
    }

    /// Whether the next line has a field.
    func isAt(_ name: String) -> Bool { lines.first?.text.hasPrefix(name + ":") ?? false }

    /// Reads the line with the version.
    ///
    /// - Returns: whether it is the second of the two.
    mutating func readFirstLine(
        _ line: String, orElse other: String
    ) throws(ReceiptSyntaxError) -> Bool {
        let first = next() ?? ""
        guard first == line || first == other else {
            throw error(
                "not '\(line)' or '\(other)': this is no receipt, or one of a later version")
        }
        return first == other
    }

    mutating func field(_ name: String) throws(ReceiptSyntaxError) -> String {
        let line = next() ?? ""
        guard line.hasPrefix(name + ":") else {
            throw error("'\(name): …' is missing here")
        }
        let value = line.dropFirst(name.count + 1)
        return String(value.hasPrefix(" ") ? value.dropFirst() : value)
    }

    mutating func number(_ name: String) throws(ReceiptSyntaxError) -> UInt64 {
        let text = try field(name)
        guard let number = UInt64(text), String(number) == text else {
            throw error("\(name) '\(text)' is not a number from 0 on")
        }
        return number
    }

    mutating func digest(_ name: String) throws(ReceiptSyntaxError) -> Digest {
        let text = try field(name)
        guard let digest = Digest(hex: text) else {
            throw error("\(name) does not have 64 hexadecimal digits")
        }
        return digest
    }

    mutating func bytes(_ name: String) throws(ReceiptSyntaxError) -> [UInt8] {
        let text = try field(name).utf8
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var high: UInt8?
        for digit in text {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue else {
                throw error("\(name) is not hexadecimal")
            }
            if let first = high {
                bytes.append(first << 4 | UInt8(value))
                high = nil
            } else {
                high = UInt8(value)
            }
        }
        guard high == nil else { throw error("\(name) has half a byte at its end") }
        return bytes
    }

    private mutating func next() -> Substring? {
        guard let line = lines.popFirst() else { return nil }
        lineNumber = line.number
        return line.text
    }
}
