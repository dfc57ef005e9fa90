/// The merged values of a program's settings.
public struct SettingsValues: Sendable {
    /// The config file that was read, if any.
    public let filePath: String?
    /// A sentence for each given setting that has no effect.
    public internal(set) var warnings: [String]
    /// The keys of all settings of the program.
    private let keys: Set<String>
    /// The values that were given, checked by their settings.
    var given: [String: (raw: RawValue, source: SettingSource)] = [:]

    init(keys: Set<String>, filePath: String?, warnings: [String]) {
        self.keys = keys
        self.filePath = filePath
        self.warnings = warnings
    }

    /// The value of a setting: the given one, or the default.
    public subscript<Value>(setting: Setting<Value>) -> Value {
        precondition(keys.contains(setting.key), "\(setting.key) is not in the definition")
        guard let raw = given[setting.key]?.raw else { return setting.defaultValue }
        guard let value = setting.type.value(raw) else {
            preconditionFailure("\(setting.key) was read as another type")
        }
        return value
    }

    /// Returns the source of a value, or nil if it is the default.
    public func source(of setting: some SettingDeclaration) -> SettingSource? {
        given[setting.key]?.source
    }

    /// Returns the source of a value for messages, or the key if it is the default.
    public func sourceText(of setting: some SettingDeclaration) -> String {
        source(of: setting).map { "\($0)" } ?? setting.key
    }

    /// Returns the given value, or nil if it is the default.
    public func given<Value>(_ setting: Setting<Value>) -> Value? {
        source(of: setting) == nil ? nil : self[setting]
    }

    /// Parses a text that has a syntax of its own.
    ///
    /// - Throws: `SettingsError` with the source, the text, and the error of `parse`.
    public func parsed<Result>(
        _ setting: Setting<String>, _ parse: (String) throws -> Result
    ) throws(SettingsError) -> Result {
        let text = self[setting]
        do {
            return try parse(text)
        } catch {
            throw SettingsError("\(sourceText(of: setting)) is \"\(text)\": \(error)")
        }
    }
}
