import Foundation

/// A JSON file: one object.
enum JSONText {
    static func items(of text: String) throws(ConfigSyntaxError) -> [ConfigFile.Item] {
        let values: [String: JSONValue]
        do {
            values = try JSONDecoder().decode([String: JSONValue].self, from: Data(text.utf8))
        } catch {
            throw ConfigSyntaxError(
                syntaxFault(in: text) ?? "not one JSON object, such as {\"port\": 3322}")
        }
        return JSONKeys.keys(of: text).map { key, line in
            ConfigFile.Item(key: key, value: values[key]?.raw ?? .other("nothing"), line: line)
        }
    }

    /// Returns the error of the older of Foundation's two parsers, since the decoder does not give
    /// a reason.
    private static func syntaxFault(in text: String) -> String? {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            return nil
        } catch {
            let reason = (error as NSError).userInfo["NSDebugDescription"]
            return "not JSON" + (reason.map { ": \($0)" } ?? "")
        }
    }

    private struct JSONValue: Decodable {
        let raw: RawValue

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                raw = .other("null")
            } else if let value = try? container.decode(Bool.self) {
                raw = .boolean(value)
            } else if let value = try? container.decode(Int.self) {
                raw = .integer(value)
            } else if let value = try? container.decode(String.self) {
                raw = .text(value)
            } else if (try? container.decode(Double.self)) != nil {
                raw = .other("a number with a fraction")
            } else {
                raw = .other("an object or a list")
            }
        }
    }
}
