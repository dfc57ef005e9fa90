import Foundation

/// The keys of an object in JSON, each time that it has them. The parser tells no lines, and takes
/// one of two equal keys.
enum JSONKeys {
    /// - Parameter text: that the parser has taken for one object.
    /// - Returns: keys with the line that they begin in, in their order.
    static func keys(of text: String) -> [(key: String, line: Int)] {
        var keys: [(key: String, line: Int)] = []
        var line = 1
        var depth = 0
        /// The text in quotes that was read last, and its line: a key if a colon follows.
        var last: (bytes: [UInt8], line: Int)?
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\n"): line += 1
            case UInt8(ascii: "\""): last = (quoted(&rest), line)
            case UInt8(ascii: ":"):
                guard depth == 1, let last, let key = decoded(last.bytes) else { continue }
                keys.append((key, last.line))
            default: break
            }
        }
        return keys
    }

    /// A text with its quotes, of which the first one has been read.
    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        var bytes = [UInt8(ascii: "\"")]
        while let byte = rest.popFirst() {
            bytes.append(byte)
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() { bytes.append(escaped) }
        }
        return bytes
    }

    private static func decoded(_ bytes: [UInt8]) -> String? {
        try? JSONDecoder().decode(String.self, from: Data(bytes))
    }
}
