import Foundation
import NIOCore

/// Writes the answers of the gateway's own handlers, and errors, as one compact line of JSON. Fields have a fixed
/// order and zeros are kept, which neither `JSONEncoder` nor protobuf's JSON can do.
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

    /// Writes the name of a field; its value must follow.
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

    /// Writes bytes in padded base64.
    mutating func field(_ name: String, bytes: [UInt8]) { field(name, data: Data(bytes)) }

    /// Writes data in padded base64.
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

    /// Writes a value that is already JSON.
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
