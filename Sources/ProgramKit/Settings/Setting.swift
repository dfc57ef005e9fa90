// The settings of a program, which come from flags, environment variables and a config file. Read
// this file first, then SettingsDefinition.swift for how the sources are merged.

/// A setting of a program. It has one name in all sources: the flag `--dir`, the environment
/// variable `IMMUDB_DIR`, the key `dir` of a config file.
///
/// This declaration is the only place that defines it: help, man pages and completion show its flag
/// from here (`SettingFlags`), and `FlagSyntax` parses it from here.
///
///     let port = Setting("port", short: "p", .integer(0...65535), default: 3322, "port number")
public struct Setting<Value: Sendable>: SettingDeclaration {
    public let key: String
    public let short: Character?
    public let summary: String
    public let defaultValue: Value
    let type: SettingType<Value>

    /// - Parameters:
    ///   - key: the name of the flag: lower case, with hyphens between words.
    ///   - short: the flag's letter, if it has one.
    ///   - summary: the description in the help.
    public init(
        _ key: String, short: Character? = nil, _ type: SettingType<Value>, default: Value,
        _ summary: String
    ) {
        self.key = key
        self.short = short
        self.type = type
        self.defaultValue = `default`
        self.summary = summary
    }

    public var isSwitch: Bool { type.isSwitch }
    public var expectation: String { type.expectation }
    public var value: SettingValue { type.shown }
    public var help: String {
        let text = "\(defaultValue)"
        return text.isEmpty || isSwitch ? summary : "\(summary) (default \(text))"
    }

    public func accepts(_ raw: RawValue) -> Bool { type.value(raw) != nil }
}

/// A setting with any type of value.
public protocol SettingDeclaration: Sendable {
    var key: String { get }
    var short: Character? { get }
    /// Whether the flag means true if it is given without a value.
    var isSwitch: Bool { get }
    /// The form that a value must have, as the end of "give …".
    var expectation: String { get }
    /// The way in which the help shows a value and a shell completes it.
    var value: SettingValue { get }
    /// The summary with the default.
    var help: String { get }
    func accepts(_ raw: RawValue) -> Bool
}

/// The type of a setting's values.
public struct SettingType<Value: Sendable>: Sendable {
    let expectation: String
    let shown: SettingValue
    /// Converts a raw value. Returns nil if it is not valid.
    let value: @Sendable (RawValue) -> Value?

    var isSwitch: Bool { shown == .absent }

    /// - Parameters:
    ///   - expectation: the form that a value must have, as the end of "give …".
    ///   - value: converts a raw value. Returns nil if it is not valid.
    init(
        expectation: String, shown: SettingValue,
        value: @escaping @Sendable (RawValue) -> Value?
    ) {
        self.expectation = expectation
        self.shown = shown
        self.value = value
    }
}

/// The value of a flag, as a help shows it and a shell completes it.
public enum SettingValue: Hashable, Sendable {
    /// The flag is a switch, without a value.
    case absent
    /// The value is shown by this name: `--port <number>`.
    case named(String)
    case file
    case folder
    case word(of: [String])

    public var name: String {
        switch self {
        case .absent: ""
        case .named(let name): name
        case .file: "file"
        case .folder: "folder"
        case .word: "word"
        }
    }
}

extension SettingType where Value == String {
    /// Any text, including an empty one.
    public static var text: Self { .text(named: "text") }

    /// Any text, including an empty one.
    ///
    /// - Parameter name: the name of the value in the help.
    public static func text(named name: String) -> Self {
        Self(expectation: "a text", shown: .named(name)) { $0.text }
    }

    /// Any text except an empty one.
    ///
    /// - Parameters:
    ///   - what: the kind of text, for messages, such as "an address".
    ///   - name: the name of the value in the help.
    public static func text(_ what: String, named name: String = "text") -> Self {
        Self(expectation: what, shown: .named(name), value: nonEmpty)
    }

    /// The path of a file. Empty means no file.
    public static var optionalFile: Self {
        Self(expectation: "the path of a file", shown: .file) { $0.text }
    }

    /// The path of a file.
    public static var file: Self {
        Self(expectation: "the path of a file", shown: .file, value: nonEmpty)
    }

    /// The path of a folder. Empty means no folder.
    public static var optionalFolder: Self {
        Self(expectation: "the path of a folder", shown: .folder) { $0.text }
    }

    /// The path of a folder.
    public static var folder: Self {
        Self(expectation: "the path of a folder", shown: .folder, value: nonEmpty)
    }

    /// The name of a folder or file, not a path.
    public static func plainName(_ what: String) -> Self {
        Self(
            expectation: "\(what): a name without slashes and control characters",
            shown: .named("name")
        ) { raw in
            guard let name = raw.text, !["", ".", ".."].contains(name),
                !name.unicodeScalars.contains(where: { $0 == "/" || $0.isControl })
            else { return nil }
            return name
        }
    }

    private static func nonEmpty(_ raw: RawValue) -> String? {
        raw.text.flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension SettingType where Value == Bool {
    /// true or false. Flags, variables and files without types also take 1, t, 0 and f in any case.
    public static var boolean: Self {
        Self(expectation: "true or false", shown: .absent) { raw in
            switch raw {
            case .boolean(let value): value
            case .untyped(let word):
                switch word.lowercased() {
                case "true", "t", "1": true
                case "false", "f", "0": false
                default: nil
                }
            case .text, .integer, .other: nil
            }
        }
    }
}

extension SettingType where Value == Int {
    /// A whole number in a range, in decimal digits only.
    ///
    /// - Parameter name: the name of the value in the help.
    public static func integer(_ range: ClosedRange<Int>, named name: String = "number") -> Self {
        Self(
            expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            shown: .named(name)
        ) { raw in
            let number: Int? =
                switch raw {
                case .integer(let number): number
                case .untyped(let word): Int(decimal: word)
                case .text, .boolean, .other: nil
                }
            return number.flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension SettingType where Value: CaseIterable & RawRepresentable<String> {
    /// One of the words that are the raw values of `Value`.
    public static func word(of: Value.Type = Value.self) -> Self {
        let words = Value.allCases.map(\.rawValue)
        let last = words.last ?? ""
        return Self(
            expectation: words.dropLast().joined(separator: ", ") + " or \(last)",
            shown: .word(of: words)
        ) { $0.text.flatMap(Value.init(rawValue:)) }
    }
}

extension Int {
    /// Returns nil if there is any other character than the digits 0 to 9, or more digits than a
    /// number has.
    init?(decimal text: some StringProtocol) {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.init(text)
    }
}
