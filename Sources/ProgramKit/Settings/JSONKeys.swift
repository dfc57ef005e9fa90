import Foundation

/// Finds all keys of a JSON object, including repeated ones. The parser does not report lines, and
/// keeps only one of two equal keys.
enum JSONKeys {
    /// - Parameter text: a text that the parser has accepted as one object.
    /// - Returns: the keys, each with the line in which it begins, in their order.
    static func keys(of text: String) -> [(key: String, line: Int)] {
        var keys: [(key: String, line: Int)] = []
        var line = 1
        var depth = 0
        /// The text in quotes that was read last, and its line. It is a key if a colon follows.
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

    /// Returns a text with its quotes. The first quote has been read.
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
