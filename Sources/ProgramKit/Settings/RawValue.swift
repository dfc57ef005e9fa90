/// A value as its source gave it, before its setting checks it.
public enum RawValue: Hashable, Sendable {
    /// A value from a source that knows only text: a flag, a variable, a file of `key=value` lines.
    case untyped(String)
    /// A text from a source with types: TOML, YAML, JSON.
    case text(String)
    case integer(Int)
    case boolean(Bool)
    /// A value that no setting takes. The text describes it, such as "a list".
    case other(String)

    /// The text, or nil if the source says that the value is not a text.
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

    /// Quotes a text so that it stays on one line.
    private static func quoted(_ text: String) -> String {
        let shown = text.unicodeScalars.map { scalar in
            scalar.isControl ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return "\"\(shown.joined())\""
    }
}

/// The source of a value, in words for an operator.
public enum SettingSource: Hashable, Sendable, CustomStringConvertible {
    case flag(String)
    case variable(String)
    /// - Parameter line: the line, from 1, or nil if the file's parser does not report it.
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

/// The reason why the settings of a program cannot be used: a message for the operator that names
/// the source, the error, and the correct form.
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
    /// Whether the character is a line end, an escape of terminals or the like.
    var isControl: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}

extension RawValue {
    /// Returns a number of a typed file. It must be in decimal digits, as everywhere else.
    ///
    /// - Parameter value: the value of the spelling in the file's format, or nil if it is too
    ///   large.
    static func number(_ value: Int?, spelled spelling: String) -> RawValue {
        let digits = spelling.hasPrefix("-") ? spelling.dropFirst() : spelling[...]
        guard value != nil, let number = Int(decimal: digits) else {
            return .other("the number \(spelling)")
        }
        return .integer(digits.count < spelling.count ? -number : number)
    }
}
