import Foundation
import NIOCore
import SwiftProtobuf

/// Reads plain JSON in one pass over its bytes: objects that have each field once and under its own name, base64
/// strings, whole numbers in digits. Most requests are plain.
///
/// Returns nil for everything else, including invalid JSON; `JSONDecoder` then reads the text from its beginning. For
/// plain JSON the result is the same as that of `JSONDecoder`. The time is proportional to the length, for any bytes:
/// it hashes nothing, and recurses only as deep as the shapes.
struct PlainJSON {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Reads a whole text as a message.
    static func read<Message: SwiftProtobuf.Message>(
        _ body: ByteBuffer, as shape: MessageShape<Message>
    ) -> Message? {
        body.withUnsafeReadableBytes { bytes in
            var json = PlainJSON(bytes)
            guard let message = json.message(shape), json.next == nil else { return nil }
            return message
        }
    }

    /// The next byte that is not white space; nil at the end.
    private var next: UInt8? {
        mutating get {
            while position < bytes.count {
                switch bytes[position] {
                case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
                    position += 1
                case let byte: return byte
                }
            }
            return nil
        }
    }

    /// Reads the byte if it is the next one; returns whether it was.
    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    /// Reads the bytes of a string up to the next quote, without decoding escapes.
    private mutating func string() -> UnsafeRawBufferPointer? {
        guard take("\"") else { return nil }
        let start = position
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\"") {
                defer { position += 1 }
                return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
            }
            position += 1
        }
        return nil
    }

    mutating func message<Message: SwiftProtobuf.Message>(
        _ shape: MessageShape<Message>
    ) -> Message? {
        guard take("{") else { return nil }
        var message = Message()
        var seen: UInt64 = 0
        if !take("}") {
            repeat {
                guard let name = string(), let place = shape.place(of: name),
                    seen & 1 << place == 0, take(":"),
                    shape.fields[place].readPlain?(&self, &message) == true
                else { return nil }
                seen |= 1 << place
            } while take(",")
            guard take("}") else { return nil }
        }
        return seen & shape.requiredPlaces == shape.requiredPlaces ? message : nil
    }

    mutating func list<Message: SwiftProtobuf.Message>(
        of shape: MessageShape<Message>
    ) -> [Message]? {
        guard take("[") else { return nil }
        var list: [Message] = []
        guard !take("]") else { return list }
        repeat {
            guard let element = message(shape) else { return nil }
            list.append(element)
        } while take(",")
        return take("]") ? list : nil
    }

    /// Reads a string of padded standard base64. It contains no escape, since a backslash is not in the alphabet.
    mutating func base64() -> Data? {
        guard let text = string() else { return nil }
        return Data(base64Encoded: Data(text))
    }

    /// Reads a whole number. The caller checks the next byte, since `1.5` is not plain.
    mutating func number() -> UInt64? {
        guard let first = next, let value = Self.digit(first) else { return nil }
        var number = UInt64(value)
        position += 1
        while position < bytes.count, let digit = Self.digit(bytes[position]) {
            let (product, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isTooLargeWithIt) = product.addingReportingOverflow(UInt64(digit))
            // JSON numbers have no leading zeros.
            guard !isTooLarge, !isTooLargeWithIt, number != 0 else { return nil }
            number = sum
            position += 1
        }
        return number
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? byte - UInt8(ascii: "0") : nil
    }
}

extension MessageShape {
    /// Returns the position of the field with a name. Shapes have only a few fields.
    fileprivate func place(of name: UnsafeRawBufferPointer) -> Int? {
        fields.firstIndex { $0.nameBytes.elementsEqual(name) }
    }
}
