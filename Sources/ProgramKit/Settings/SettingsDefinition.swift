/// All settings of a program, and the rule by which its sources are merged: a flag wins over the
/// environment, the environment over the config file, and the file over the default.
///
/// Every value of a file is checked, even if another source overrides it: the author of `port =
/// "x"` learns of the error now, not when the flag is removed. A variable is not read if its flag
/// is given, since users do not always control the environment of a program that they start.
public struct SettingsDefinition: Sendable {
    /// The name of the config file. In upper case, the prefix of the environment variables' names.
    public let program: String
    public let settings: [any SettingDeclaration]
    /// Keys of earlier releases. If one is set in the environment or a file, a warning says so.
    public let withdrawn: [String]

    public init(
        program: String, settings: [any SettingDeclaration], withdrawn: [String] = []
    ) {
        self.program = program
        self.settings = settings
        self.withdrawn = withdrawn
    }

    /// Merges the sources.
    ///
    /// - Parameters:
    ///   - flags: the values of the flags on the command line, by key.
    ///   - environment: the variables of the process. Empty values are ignored. A variable with the
    ///     prefix of the program that names no setting is a warning, since it may belong to another
    ///     program. One whose setting has a flag is not read.
    ///   - config: the config file, if there is one. A key that is not a setting is an error.
    public func values(
        flags: [String: String], environment: [String: String], config: ConfigFileSearch
    ) throws(SettingsError) -> SettingsValues {
        var values = SettingsValues(
            keys: Set(settings.map(\.key)), filePath: config.file?.path, warnings: config.warnings)
        try merge(config.file, into: &values)
        try merge(environment: environment, besides: flags, into: &values)
        for (key, value) in flags {
            try take(.untyped(value), for: key, from: .flag(key), into: &values)
        }
        return values
    }

    /// Returns the name of a setting's environment variable, as a shell can set it.
    public func variableName(of setting: any SettingDeclaration) -> String {
        variablePrefix + Self.underscored(setting.key.uppercased())
    }

    // MARK: sources

    private func merge(
        _ file: ConfigFile?, into values: inout SettingsValues
    ) throws(SettingsError) {
        guard let file else { return }
        var seen: Set<String> = []
        for item in file.items {
            let key = normalized(item.key, isDotenv: file.format == .dotenv)
            let source = SettingSource.file(path: file.path, line: item.line, key: item.key)
            guard seen.insert(key).inserted else {
                throw SettingsError("\(source) is given twice: remove one")
            }
            if withdrawn.contains(key) {
                values.warnings.append("\(source) has no effect any more: remove it")
                continue
            }
            guard setting(key) != nil else {
                let known = settings.map(\.key).joined(separator: ", ")
                throw SettingsError("\(source) is unknown: the keys are \(known)")
            }
            try take(item.value, for: key, from: source, into: &values)
        }
    }

    private func merge(
        environment: [String: String], besides flags: [String: String],
        into values: inout SettingsValues
    ) throws(SettingsError) {
        var spellings: [String: String] = [:]
        // Sorted, so that warnings and errors come in the same order each time.
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
            guard name.hasPrefix(variablePrefix), !value.isEmpty else { continue }
            let given = Self.underscored(String(name.dropFirst(variablePrefix.count)))
            func isMeant(_ key: String) -> Bool { Self.underscored(key.uppercased()) == given }
            if withdrawn.contains(where: isMeant) {
                values.warnings.append("environment variable \(name) has no effect any more")
                continue
            }
            guard let setting = settings.first(where: { isMeant($0.key) }) else {
                values.warnings.append(
                    "environment variable \(name) is not a setting of \(program) and has no effect")
                continue
            }
            guard flags[setting.key] == nil else { continue }
            if Self.isServiceLink(value), !setting.accepts(.untyped(value)) {
                values.warnings.append(
                    "environment variable \(name) is \(value), which Kubernetes sets in pods beside a service of "
                        + "that name: it has no effect")
                continue
            }
            if let other = spellings.updateValue(name, forKey: setting.key),
                environment[other] != value
            {
                throw SettingsError(
                    "environment variables \(other) and \(name) are one setting with two values: "
                        + "unset one")
            }
            try take(.untyped(value), for: setting.key, from: .variable(name), into: &values)
        }
    }

    /// Whether a value is the address of a service that Kubernetes gives to pods:
    /// `tcp://10.0.0.7:3322`.
    private static func isServiceLink(_ value: String) -> Bool {
        ["tcp://", "udp://", "sctp://"].contains { value.hasPrefix($0) }
    }

    private func take(
        _ raw: RawValue, for key: String, from source: SettingSource,
        into values: inout SettingsValues
    ) throws(SettingsError) {
        guard let setting = setting(key) else {
            preconditionFailure("\(key) is not a setting of \(program)")
        }
        guard setting.accepts(raw) else {
            throw SettingsError("\(source) is \(raw): give \(setting.expectation)")
        }
        values.given[key] = (raw, source)
    }

    // MARK: names

    private func setting(_ key: String) -> (any SettingDeclaration)? {
        settings.first { $0.key == key }
    }

    /// The prefix of the environment variables' names.
    var variablePrefix: String { Self.underscored(program.uppercased()) + "_" }

    /// Returns the key of a setting for the key in a file. Case is ignored, and underscores stand
    /// for hyphens, as in earlier releases. A dotenv file may have the names of the variables.
    private func normalized(_ key: String, isDotenv: Bool) -> String {
        let key =
            isDotenv && key.hasPrefix(variablePrefix)
            ? key.dropFirst(variablePrefix.count) : key[...]
        return String(key.lowercased().map { $0 == "_" ? "-" : $0 })
    }

    private static func underscored(_ name: String) -> String {
        String(name.map { $0 == "-" ? "_" : $0 })
    }
}
