/// All settings of a program, and the rule by which its sources are merged: a flag wins over the
/// environment, the environment over the config file, and the file over the default.
///
/// Every value of a file is checked, including one that another source overrides: the author of
/// `port = "x"` learns it now and not when the flag is dropped. A variable is not even read if its flag is
/// given: users do not always choose the environment of a program that they start.
public struct SettingsDefinition: Sendable {
    /// Names the config file and, in upper case, begins the names of the environment variables.
    public let program: String
    public let settings: [any SettingDeclaration]
    /// Keys that earlier releases knew: named in the environment or a file, they are a warning.
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
    ///   - flags: values of the flags that were given, by key.
    ///   - environment: of the process. Empty values count as none. A variable that begins like
    ///     the program's but names no setting is a warning, as others may own it. One whose setting
    ///     has a flag is not read.
    ///   - config: the config file, if there is one. A key that is no setting is an error.
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

    /// Names of the environment variables, as a shell can set them.
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
                throw SettingsError("\(source) is there twice: remove one")
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
        // In order, so that warnings and errors are the same each time.
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
                    "environment variable \(name) is no setting of \(program) and has no effect")
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

    /// Whether it is the address of a service, as the platform gives it to pods: `tcp://10.0.0.7:3322`.
    private static func isServiceLink(_ value: String) -> Bool {
        ["tcp://", "udp://", "sctp://"].contains { value.hasPrefix($0) }
    }

    private func take(
        _ raw: RawValue, for key: String, from source: SettingSource,
        into values: inout SettingsValues
    ) throws(SettingsError) {
        guard let setting = setting(key) else {
            preconditionFailure("\(key) is no setting of \(program)")
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

    /// What the names of the environment variables begin with.
    var variablePrefix: String { Self.underscored(program.uppercased()) + "_" }

    /// Keys of files are taken in any case, with underscores for hyphens, as earlier releases did;
    /// those of a dotenv file may be the names of the variables.
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
