import NIOCore

/// A look at a JSON text before `JSONDecoder` reads it: what could cost it more than the length is refused here.
///
/// - Reading takes some hundred bytes for each value and name, whatever its length: they are counted.
/// - Names become keys of a dictionary. Hashing a text normalizes it, which takes the square of its length for combining
///   marks out of order: a name is plain ASCII, as all of ours are, and short.
/// - A number of millions of digits takes seconds to read: none is longer than any that 64 bits need.
/// - Another encoding than UTF-8 would be read, too, and evade all of this: it has zero bytes, which UTF-8 has none of here.
struct JSONScan {
    private static let maxNameByteCount = 64
    private static let maxNumberByteCount = 400

    /// Values and names so far, at least as many as there are.
    private var valueCount = 1
    private var state = State.outside
    /// Bytes of the present string or number.
    private var length = 0
    private var isPlain = true

    private enum State {
        case outside, string, escape
        /// Behind a string, which is a name if a colon follows.
        case afterString
    }

    /// Returns how many values and names a text has at most.
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
