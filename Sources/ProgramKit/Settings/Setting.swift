// Settings of a program: what it can be told by flags, environment variables and a config file.
// Read this file first, then SettingsDefinition.swift for how the sources are merged.

/// One thing that a program can be told, under one name in all sources: the flag `--dir`, the
/// environment variable `IMMUDB_DIR`, the key `dir` of a config file.
///
///     let port = Setting("port", short: "p", .integer(0...65535), default: 3322, "port number")
public struct Setting<Value: Sendable>: SettingDeclaration {
    public let key: String
    public let short: Character?
    public let summary: String
    public let defaultValue: Value
    let type: SettingType<Value>

    /// - Parameters:
    ///   - key: the name of the flag: lower case, words with hyphens between them.
    ///   - short: the flag's letter, if it has one.
    ///   - summary: for the help.
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
    public var help: String {
        let text = "\(defaultValue)"
        return text.isEmpty || isSwitch ? summary : "\(summary) (default \(text))"
    }

    public func accepts(_ raw: RawValue) -> Bool { type.value(raw) != nil }
}

/// A setting whatever the type of its value.
public protocol SettingDeclaration: Sendable {
    var key: String { get }
    var short: Character? { get }
    /// Whether the flag means true when it is given without a value.
    var isSwitch: Bool { get }
    /// What a value has to be, as the end of "give …".
    var expectation: String { get }
    /// The summary with the default.
    var help: String { get }
    func accepts(_ raw: RawValue) -> Bool
}

/// What values a setting takes.
public struct SettingType<Value: Sendable>: Sendable {
    let expectation: String
    let isSwitch: Bool
    /// nil if it is none.
    let value: @Sendable (RawValue) -> Value?
}

extension SettingType where Value == String {
    /// Any text, also an empty one.
    public static var text: Self {
        Self(expectation: "a text", isSwitch: false) { $0.text }
    }

    /// Any text but an empty one.
    ///
    /// - Parameter what: what it is, for messages, such as "an address".
    public static func text(_ what: String) -> Self {
        Self(expectation: what, isSwitch: false) { raw in
            raw.text.flatMap { $0.isEmpty ? nil : $0 }
        }
    }

    /// The name of a folder or file, not a path.
    public static func plainName(_ what: String) -> Self {
        Self(
            expectation: "\(what): a name without slashes and control characters", isSwitch: false
        ) { raw in
            guard let name = raw.text, !["", ".", ".."].contains(name),
                !name.unicodeScalars.contains(where: { $0 == "/" || $0.isControl })
            else { return nil }
            return name
        }
    }
}

extension SettingType where Value == Bool {
    /// true or false; in flags, variables and files without types also 1, t, 0, f in any case.
    public static var boolean: Self {
        Self(expectation: "true or false", isSwitch: true) { raw in
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
    /// A whole number of a range, in decimal digits and nothing else.
    public static func integer(_ range: ClosedRange<Int>) -> Self {
        Self(
            expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            isSwitch: false
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
    /// One of some words.
    public static func word(of: Value.Type = Value.self) -> Self {
        let words = Value.allCases.map(\.rawValue)
        let last = words.last ?? ""
        return Self(
            expectation: words.dropLast().joined(separator: ", ") + " or \(last)", isSwitch: false
        ) { $0.text.flatMap(Value.init(rawValue:)) }
    }
}

extension Int {
    /// nil if there is anything but the digits 0 to 9, or more of them than a number has.
    init?(decimal text: some StringProtocol) {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.init(text)
    }
}
