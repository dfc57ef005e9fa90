import NIOCore

/// Scans a JSON text before `JSONDecoder` reads it, and refuses input for which its cost would not be proportional to
/// the length.
///
/// - Reading takes about a hundred bytes for each value and name, of any length: they are counted.
/// - Names become keys of a dictionary. Hashing normalizes the text, and the time for that grows with the square of
///   its length if combining marks are out of order: so names must be short and plain ASCII, as all of ours are.
/// - A number of millions of digits takes seconds to read: a number must not be longer than 64 bits need.
/// - `JSONDecoder` also reads encodings other than UTF-8, which would evade these checks. They contain zero bytes,
///   which are refused.
struct JSONScan {
    private static let maxNameByteCount = 64
    private static let maxNumberByteCount = 400

    /// An upper bound of the values and names so far.
    private var valueCount = 1
    private var state = State.outside
    /// Bytes of the current string or number.
    private var length = 0
    private var isPlain = true

    private enum State {
        case outside, string, escape
        /// After a string, which is a name if a colon follows.
        case afterString
    }

    /// Returns an upper bound of the values and names in a text.
    static func valueCount(_ body: ByteBuffer) throws(JSONFault) -> Int {
        var scan = JSONScan()
        // A loop over a span, since a closure cannot throw the error by its type.
        for byte in body.readableBytesView { try scan.take(byte) }
        return scan.valueCount
    }

    private mutating func take(_ byte: UInt8) throws(JSONFault) {
        guard byte != 0 else { throw JSONFault("the body is not JSON in UTF-8") }
        switch state {
        case .string:
            switch byte {
            case UInt8(ascii: "\""): state = .afterString
            case UInt8(ascii: "\\"):
                state = .escape
                isPlain = false
            default:
                length += 1
                if byte >= 0x80 { isPlain = false }
            }
        case .escape: state = .string
        case .outside, .afterString: try takeOutside(byte)
        }
    }

    private mutating func takeOutside(_ byte: UInt8) throws(JSONFault) {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): return
        case UInt8(ascii: "\""):
            state = .string
            length = 0
            isPlain = true
            return
        case UInt8(ascii: ":"):
            if state == .afterString, !isPlain || length > Self.maxNameByteCount {
                throw JSONFault(
                    "the body has a name that is not ASCII of at most \(Self.maxNameByteCount) bytes"
                )
            }
            valueCount += 1
            length = 0
        case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "{"):
            valueCount += 1
            length = 0
        default:
            length = state == .outside ? length + 1 : 1
            guard length <= Self.maxNumberByteCount else {
                throw JSONFault(
                    "the body has a number of more than \(Self.maxNumberByteCount) bytes")
            }
        }
        state = .outside
    }
}
