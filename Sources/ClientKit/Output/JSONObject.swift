import Foundation

/// A JSON object, which `--json` prints as one line.
package typealias JSONObject = [String: JSONValue]

package enum JSONValue: Encodable, Hashable, Sendable {
    case text(String)
    case number(UInt64)
    /// A number; infinities become the texts `inf` and `-inf`, since JSON has no such numbers.
    case decimal(Double)
    case truth(Bool)
    case object(JSONObject)
    case list([JSONValue])

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        case .decimal(let number): try container.encode(number)
        case .truth(let isTrue): try container.encode(isTrue)
        case .object(let object): try container.encode(object)
        case .list(let values): try container.encode(values)
        }
    }
}

extension [String: JSONValue] {
    /// Sets bytes as text under `name` or, if they are not UTF-8, in base64 under `<name>Base64`.
    package mutating func set(_ name: String, bytes: [UInt8]) {
        if let text = String(validating: bytes, as: UTF8.self) {
            self[name] = .text(text)
        } else {
            self[name + "Base64"] = .text(Data(bytes).base64EncodedString())
        }
    }

    /// Returns one line without its line feed, with the keys in order.
    ///
    /// All control characters are escaped: a terminal would obey some that JSON leaves as they are.
    package func line() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let encoded = [UInt8](try encoder.encode(self))
        // These are the bytes of DEL, and the first byte of U+0080 to U+009F.
        guard encoded.contains(where: { $0 == 0x7f || $0 == 0xc2 }) else { return encoded }
        return String(decoding: encoded, as: UTF8.self).unicodeScalars.flatMap { scalar in
            scalar.properties.generalCategory == .control
                ? Array("\\u00\(String(scalar.value, radix: 16))".utf8)
                : Array(String(scalar).utf8)
        }
    }
}
