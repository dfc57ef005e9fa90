import Foundation
import TOMLKit

/// A TOML file. The parser reports the line of a syntax error, but not the lines of values.
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

    /// Returns the spelling of each number: decimal, hexadecimal and so on. Values do not have it,
    /// so this reads a text with one line for each key.
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

    /// Refuses a date that is followed by something else than a time, since the parser ends the
    /// process on one.
    private static func refuseBrokenTimes(in text: String) throws(ConfigSyntaxError) {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (number, line) in zip(1..., lines)
        where line.contains(#/=\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][^0-9]/#) {
            throw ConfigSyntaxError(line: number, "not TOML: a date without its time")
        }
    }

    /// Refuses lines that begin with a bracket: settings are flat. The parser ends the process on
    /// some malformed headers, such as `[=`.
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

    /// Returns the first list or inline table. No setting takes one, and the parser ends the
    /// process on some malformed ones, such as `[}`, so it must not see them.
    ///
    /// The parser meets them only after a `=`. The search does not know quotes, so a quoted text that contains
    /// `=[` counts as a list, too.
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
