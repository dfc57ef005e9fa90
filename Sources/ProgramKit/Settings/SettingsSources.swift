/// The sources of the settings of a run: the flags on the command line, the environment, and the
/// config file, read once.
public struct SettingsSources: Sendable {
    private let definition: SettingsDefinition
    /// The flags' values by the keys of their settings.
    public private(set) var flags: [String: String]
    public let environment: [String: String]
    public let config: ConfigFileSearch

    /// - Parameters:
    ///   - environment: the variables, or nil for those of the process.
    ///   - path: the path of the config file, or nil to look for one.
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

    /// Returns the sources with more flags, in the place of those of the same names.
    public func adding(flags: [String: String]) -> SettingsSources {
        var sources = self
        sources.flags.merge(flags) { $1 }
        return sources
    }

    /// Merges the sources.
    ///
    /// - Parameter flags: the flags' values, or nil for those of the command line.
    public func values(flags: [String: String]? = nil) throws(SettingsError) -> SettingsValues {
        try definition.values(
            flags: flags ?? self.flags, environment: environment, config: config)
    }
}
