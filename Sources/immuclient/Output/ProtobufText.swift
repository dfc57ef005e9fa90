import ImmudbClient

extension Content {
    /// The content as the original prints it: the text form of protocol buffers.
    var protobufText: String {
        var parts: [String] = []
        if timestamp != 0 { parts.append("timestamp:\(timestamp)") }
        if !payload.isEmpty { parts.append("payload:\"\(Self.escaped(payload))\"") }
        return parts.joined(separator: " ")
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        let isText = String(validating: bytes, as: UTF8.self) != nil
        var text: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): text += Array("\\n".utf8)
            case UInt8(ascii: "\r"): text += Array("\\r".utf8)
            case UInt8(ascii: "\t"): text += Array("\\t".utf8)
            case 0x20..<0x7f: text.append(byte)
            case 0x80...0xff where isText: text.append(byte)
            default: text += Array("\\\(octal(byte))".utf8)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func octal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 8)
        return String(repeating: "0", count: 3 - digits.count) + digits
    }
}
