/// Where the settings of a run come from: the flags that were given, the environment, and the config
/// file, read once.
public struct SettingsSources: Sendable {
    private let definition: SettingsDefinition
    /// By the keys of their settings.
    public let flags: [String: String]
    public let environment: [String: String]
    public let config: ConfigFileSearch

    /// - Parameters:
    ///   - environment: nil for that of the process.
    ///   - path: of a config file that was named; nil to look for one.
    /// - Throws: `SettingsError` if a source cannot be read.
    public init(
        _ definition: SettingsDefinition, flags: [String: String],
        environment: [String: String]? = nil, configFile path: String?
    ) throws(SettingsError) {
        self.definition = definition
        self.flags = flags
        if let environment {
            self.environment = environment
        } else {
            self.environment = try ProcessEnvironment.text(for: definition)
        }
        config = try ConfigFileSearch(
            path, orFoundFor: definition.program, environment: self.environment)
    }

    /// A line for the user that names the config file; nil without a config file.
    public var announcement: String? {
        config.file.map { "Using config file: \($0.path)" }
    }

    /// Merges the sources.
    ///
    /// - Parameter flags: nil for those of the command line.
    public func values(flags: [String: String]? = nil) throws(SettingsError) -> SettingsValues {
        try definition.values(
            flags: flags ?? self.flags, environment: environment, config: config)
    }
}
