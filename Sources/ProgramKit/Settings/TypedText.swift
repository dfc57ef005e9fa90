import Foundation
import TOMLKit
import Yams

/// A TOML file. The parser tells lines of what is no TOML, but not those of values.
enum TOMLText {
    static func items(of text: String) throws(ConfigSyntaxError) -> [ConfigFile.Item] {
        try refuseTables(in: text)
        try refuseBrokenTimes(in: text)
        if let item = firstListOrTable(in: text) { return [item] }
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch {
            guard let error = error as? TOMLParseError else {
                throw ConfigSyntaxError("not TOML")
            }
            throw ConfigSyntaxError(
                line: error.source.begin.line, "not TOML: \(error.description)")
        }
        let spellings = numberSpellings(in: table)
        return table.keys.sorted().compactMap { key in
            table[key].map {
                ConfigFile.Item(key: key, value: raw($0, spellings[key]), line: nil)
            }
        }
    }

    /// How values are spelled in a text with one line for each key: numbers in the digits that they
    /// were written in, decimal or hexadecimal and so on, which their values do not tell.
    private static func numberSpellings(in table: TOMLTable) -> [String: String] {
        let text = table.convert(
            to: .toml,
            options: [.allowBinaryIntegers, .allowOctalIntegers, .allowHexadecimalIntegers])
        let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
            let parts = line.split(separator: " = ", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// A date behind which something else than a time begins. This is found out here, since the parser
    /// stops the process at it.
    private static func refuseBrokenTimes(in text: String) throws(ConfigSyntaxError) {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (number, line) in zip(1..., lines)
        where line.contains(#/=\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][^0-9]/#) {
            throw ConfigSyntaxError(line: number, "not TOML: a date without its time")
        }
    }

    /// Settings are flat, so no line begins with a bracket. This is found out here, since the
    /// parser stops the process at some headers that are none, such as `[=`.
    private static func refuseTables(in text: String) throws(ConfigSyntaxError) {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (number, line) in zip(1..., lines) {
            let line = line.drop(while: \.isWhitespace)
            guard !line.hasPrefix("[") else {
                throw ConfigSyntaxError(
                    line: number,
                    "tables such as \(line) have no meaning here: write the keys without them")
            }
        }
    }

    /// The first list or inline table. No setting takes one, and the parser stops the process at
    /// some that are none, such as `[}`, so it does not get to see them.
    ///
    /// It meets them only after a `=`, whatever else it makes of the text: so a text in quotes that
    /// contains `=[` is taken for one, too.
    private static func firstListOrTable(in text: String) -> ConfigFile.Item? {
        var line = 1
        var key = ""
        var isAfterEqualSign = false
        for character in text.unicodeScalars {
            if isAfterEqualSign, character == "[" || character == "{" {
                return ConfigFile.Item(
                    key: key.trimmingCharacters(in: .whitespaces),
                    value: .other(character == "[" ? "a list" : "a table"), line: line)
            }
            if character == "=" {
                isAfterEqualSign = true
            } else if !character.properties.isWhitespace {
                isAfterEqualSign = false
            }
            if character == "\n" {
                line += 1
                key = ""
            } else if !isAfterEqualSign {
                key.unicodeScalars.append(character)
            }
        }
        return nil
    }

    private static func raw(
        _ value: any TOMLValueConvertible, _ spelling: String?
    ) -> RawValue {
        switch value.type {
        case .string: value.string.map(RawValue.text) ?? .other("a text")
        case .int: value.int.map { .number($0, spelled: spelling ?? "\($0)") } ?? .other("a number")
        case .bool: value.bool.map(RawValue.boolean) ?? .other("a boolean")
        case .table: .other("a table")
        case .array: .other("a list")
        case .double: .other("a number with a fraction")
        case .date, .time, .dateTime: .other("a time")
        }
    }
}

/// A YAML file. The parser tells all lines.
enum YAMLText {
    static func items(of text: String) throws(ConfigSyntaxError) -> [ConfigFile.Item] {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text, .default, .default, .utf8)
        } catch {
            throw syntaxError(error, in: text)
        }
        // An empty file, or one of comments only.
        guard let root, root.null == nil else { return [] }
        guard let mapping = root.mapping else {
            throw ConfigSyntaxError(line: root.mark?.line, "not lines of \"key: value\"")
        }
        var items: [ConfigFile.Item] = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                throw ConfigSyntaxError(line: key.mark?.line, "a key is no text")
            }
            items.append(ConfigFile.Item(key: name, value: raw(value), line: key.mark?.line))
        }
        return items
    }

    private static func raw(_ node: Node) -> RawValue {
        guard let scalar = node.scalar else {
            return .other(node.mapping != nil ? "a mapping" : "a list")
        }
        switch Tag.Name(rawValue: node.tag.description) {
        case .str: return .text(scalar.string)
        case .int: return .number(node.int, spelled: scalar.string)
        case .bool: return node.bool.map(RawValue.boolean) ?? .other("a boolean")
        case .null: return .other("nothing")
        case .float: return .other("a number with a fraction")
        default:
            return .other("\"\(scalar.string)\", which YAML takes for something else than text")
        }
    }

    /// Lines that begin with a key: the parser tells only the first of two equal ones.
    private static func lines(of key: String, in text: String) -> [Int] {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        return zip(1..., lines).compactMap { number, line in
            let line = line.drop { $0.isWhitespace || "{,\"'".contains($0) }
            guard line.hasPrefix(key) else { return nil }
            let rest = line.dropFirst(key.count).drop { $0.isWhitespace || "\"'".contains($0) }
            return rest.first == ":" ? number : nil
        }
    }

    private static func syntaxError(_ error: any Error, in text: String) -> ConfigSyntaxError {
        guard let error = error as? YamlError else { return ConfigSyntaxError("not YAML") }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return ConfigSyntaxError(line: mark.line, "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let key = duplicates.first ?? ""
            let line = lines(of: key, in: text).dropFirst().first ?? context.mark.line
            return ConfigSyntaxError(line: line, key: key, "is there twice: remove one")
        case .reader(let problem, _, _, _):
            return ConfigSyntaxError("not YAML: \(problem)")
        default:
            return ConfigSyntaxError("not YAML")
        }
    }
}

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

    /// What the older of Foundation's two parsers says: the decoder keeps its reason to itself.
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

extension RawValue {
    /// A number as a typed file has it: in decimal digits, as everywhere else.
    ///
    /// - Parameter value: what the file's format takes the spelling for, nil if it is too large.
    fileprivate static func number(_ value: Int?, spelled spelling: String) -> RawValue {
        let digits = spelling.hasPrefix("-") ? spelling.dropFirst() : spelling[...]
        guard value != nil, let number = Int(decimal: digits) else {
            return .other("the number \(spelling)")
        }
        return .integer(digits.count < spelling.count ? -number : number)
    }
}
