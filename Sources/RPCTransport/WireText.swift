import NIOCore

/// The texts of gRPC's own headers: `grpc-message` and `grpc-timeout` ("gRPC over HTTP/2", section
/// Requests and Responses).
enum WireText {
    /// A longer `grpc-message` would exceed the header limits of usual clients, which would then lose the status, too.
    private static let maxMessageByteCount = 4096

    /// Encodes a `grpc-message`: every byte outside of 0x20 ... 0x7e, and `%`, becomes `%XX`. The text is cut after
    /// 4,096 bytes.
    static func percentEncoded(_ message: String) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in message.utf8.prefix(maxMessageByteCount) {
            if byte >= 0x20, byte < 0x7f, byte != UInt8(ascii: "%") {
                encoded.append(byte)
            } else {
                encoded.append(UInt8(ascii: "%"))
                encoded.append(digits[Int(byte >> 4)])
                encoded.append(digits[Int(byte & 15)])
            }
        }
        return encoded
    }

    /// Decodes a `grpc-message`. A `%` that is not followed by two hexadecimal digits stays as it is.
    static func percentDecoded(_ text: UnsafeBufferPointer<UInt8>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            if text[position] == UInt8(ascii: "%"), position + 2 < text.count,
                let high = hexadecimal(text[position + 1]),
                let low = hexadecimal(text[position + 2])
            {
                bytes.append(high << 4 | low)
                position += 3
            } else {
                bytes.append(text[position])
                position += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Parses a `grpc-timeout`: at most 8 digits and a unit. Times longer than 70 years count as 70 years, so that no
    /// sum of times can overflow.
    static func timeout(_ text: UnsafeBufferPointer<UInt8>) -> TimeAmount? {
        guard text.count >= 2, text.count <= 9 else { return nil }
        var number: Int64 = 0
        for digit in text.dropLast() {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        let unitNanoseconds: Int64
        switch text[text.count - 1] {
        case UInt8(ascii: "H"): unitNanoseconds = 3_600_000_000_000
        case UInt8(ascii: "M"): unitNanoseconds = 60_000_000_000
        case UInt8(ascii: "S"): unitNanoseconds = 1_000_000_000
        case UInt8(ascii: "m"): unitNanoseconds = 1_000_000
        case UInt8(ascii: "u"): unitNanoseconds = 1_000
        case UInt8(ascii: "n"): unitNanoseconds = 1
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unitNanoseconds)
        return .nanoseconds(overflow ? longest : min(product, longest))
    }

    /// Formats a remaining time as `grpc-timeout`: rounded up to the finest unit in which it has at most 8 digits.
    static func timeoutText(nanoseconds: Int64) -> String {
        let left = min(max(nanoseconds, 0), longest)
        for (unit, suffix) in [
            (1, "n"), (1_000, "u"), (1_000_000, "m"), (1_000_000_000, "S"), (60_000_000_000, "M"),
        ] as [(Int64, String)] where left <= 99_999_999 * unit {
            return "\((left + unit - 1) / unit)\(suffix)"
        }
        return "\(left / 3_600_000_000_000)H"
    }

    /// 2^61 nanoseconds.
    static let longest: Int64 = 1 << 61
}

extension Duration {
    /// The duration rounded down; times beyond 70 years count as 70 years.
    var timeAmount: TimeAmount {
        let (seconds, attoseconds) = components
        if seconds >= WireText.longest / 1_000_000_000 { return .nanoseconds(WireText.longest) }
        if seconds < 0 { return .nanoseconds(0) }
        return .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    /// The duration in words for messages: `5 s`, `300 ms`.
    var words: String {
        let milliseconds = timeAmount.nanoseconds / 1_000_000
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }
}
