/// A value as its source gave it, before its setting has looked at it.
public enum RawValue: Hashable, Sendable {
    /// Of a source that knows only text: a flag, a variable, a file of `key=value` lines.
    case untyped(String)
    /// Of a source with types: TOML, YAML, JSON.
    case text(String)
    case integer(Int)
    case boolean(Bool)
    /// What no setting takes; the text says what it is, such as "a list".
    case other(String)

    /// The text, unless the source says that it is something else.
    var text: String? {
        switch self {
        case .untyped(let text), .text(let text): text
        case .integer, .boolean, .other: nil
        }
    }
}

extension RawValue: CustomStringConvertible {
    public var description: String {
        switch self {
        case .untyped(let text): Self.quoted(text)
        case .text(let text): "the text \(Self.quoted(text))"
        case .integer(let number): "the number \(number)"
        case .boolean(let value): "\(value)"
        case .other(let what): what
        }
    }

    /// On one line, whatever is in it.
    private static func quoted(_ text: String) -> String {
        let shown = text.unicodeScalars.map { scalar in
            scalar.isControl ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return "\"\(shown.joined())\""
    }
}

/// Where a value came from, in an operator's words.
public enum SettingSource: Hashable, Sendable, CustomStringConvertible {
    case flag(String)
    case variable(String)
    /// - Parameter line: from 1; nil where the file's parser does not tell.
    case file(path: String, line: Int?, key: String)

    public var description: String {
        switch self {
        case .flag(let key): "flag --\(key)"
        case .variable(let name): "environment variable \(name)"
        case .file(let path, let line, let key):
            "config file \(path)\(line.map { ", line \($0)" } ?? ""), key \"\(key)\""
        }
    }
}

/// Why the settings of a program cannot be used: a message for the operator that names the source,
/// what is wrong there, and what would be right.
public struct SettingsError: Error, Hashable, CustomStringConvertible {
    public let message: String
    /// The flag that was probably meant.
    public let suggestion: String?

    public init(_ message: String, suggestion: String? = nil) {
        self.message = message
        self.suggestion = suggestion
    }

    public var description: String { message }
}

extension Unicode.Scalar {
    /// Line ends, escapes of terminals and the like.
    var isControl: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}

extension RawValue {
    /// A number as a typed file has it: in decimal digits, as everywhere else.
    ///
    /// - Parameter value: what the file's format takes the spelling for, nil if it is too large.
    static func number(_ value: Int?, spelled spelling: String) -> RawValue {
        let digits = spelling.hasPrefix("-") ? spelling.dropFirst() : spelling[...]
        guard value != nil, let number = Int(decimal: digits) else {
            return .other("the number \(spelling)")
        }
        return .integer(digits.count < spelling.count ? -number : number)
    }
}
