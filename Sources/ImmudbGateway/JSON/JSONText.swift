import Foundation
import NIOCore

/// Writes JSON whose fields have a fixed order and keep their zeros, which neither `JSONEncoder` nor protobuf's JSON can:
/// the answers of the gateway's own handlers, and errors. Makes one compact line.
struct JSONText {
    private(set) var buffer = ByteBuffer()
    /// Whether the next value needs a comma before it.
    private var needsComma = false

    mutating func object(_ body: (inout JSONText) -> Void) { enclosed("{", "}", body) }
    mutating func array(_ body: (inout JSONText) -> Void) { enclosed("[", "]", body) }

    private mutating func enclosed(
        _ opening: StaticString, _ closing: StaticString, _ body: (inout JSONText) -> Void
    ) {
        separate()
        buffer.writeStaticString(opening)
        needsComma = false
        body(&self)
        buffer.writeStaticString(closing)
        needsComma = true
    }

    /// Writes the name of the field whose value is written next.
    mutating func name(_ name: String) {
        separate()
        quote(name)
        buffer.writeStaticString(":")
        needsComma = false
    }

    mutating func field(_ name: String, string: String) {
        self.name(name)
        value(string)
    }

    mutating func field(_ name: String, number: UInt64) {
        self.name(name)
        value(number)
    }

    mutating func field(_ name: String, bool: Bool) {
        self.name(name)
        raw(bool ? "true" : "false")
    }

    /// Writes bytes in base64, with its padding.
    mutating func field(_ name: String, bytes: [UInt8]) { field(name, data: Data(bytes)) }

    /// The same.
    mutating func field(_ name: String, data: Data) {
        self.name(name)
        separate()
        buffer.writeStaticString("\"")
        buffer.writeString(data.base64EncodedString())
        buffer.writeStaticString("\"")
        needsComma = true
    }

    mutating func null(_ name: String) {
        self.name(name)
        raw("null")
    }

    mutating func value(_ string: String) {
        separate()
        quote(string)
        needsComma = true
    }

    mutating func value(_ number: UInt64) { raw(String(number)) }

    /// Writes a value that is JSON already.
    mutating func raw(_ json: String) {
        separate()
        buffer.writeString(json)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { buffer.writeStaticString(",") }
        needsComma = false
    }

    private mutating func quote(_ string: String) {
        buffer.writeStaticString("\"")
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
            case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
            case ..<0x20, 0x7f:
                buffer.writeString(
                    "\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
            default: buffer.writeInteger(byte)
            }
        }
        buffer.writeStaticString("\"")
    }
}
