import ClientKit
import ImmudbClient
import ProgramKit

/// Everything that `immuadmin` can be told.
struct AdminSettings: FormattedSettings {
    private static let tokenFileEnd = "_admin"

    static let tokenFile = Setting(
        "tokenfile", .file, default: "token",
        "authentication token file, whose name ends in \(tokenFileEnd), which is added if it does not; "
            + "a name without a slash is looked for in $HOME, then here")

    static let metricsPort = Setting(
        "metrics-port", .integer(1...65535), default: 9497,
        "port of the server's metrics, for stats: its own --metrics-port")

    static let definition = SettingsDefinition(
        program: "immuadmin",
        settings: [
            ConnectionSettings.address, ConnectionSettings.port, metricsPort,
            Output.json, ConnectionSettings.timeout, tokenFile, ConnectionSettings.mtls,
            ConnectionSettings.serverName, ConnectionSettings.certificate,
            ConnectionSettings.clientCAs, ConnectionSettings.pkey,
        ])

    let connection: ConnectionSettings
    let tokenFileName: String
    let metricsPort: Int
    let format: Output.Format
    let warnings: [String]

    var tokenFile: TokenFile { TokenFile(tokenFileName) }

    init(_ values: SettingsValues) throws(SettingsError) {
        connection = try ConnectionSettings(values)
        let name = values[Self.tokenFile]
        tokenFileName = name.hasSuffix(Self.tokenFileEnd) ? name : name + Self.tokenFileEnd
        metricsPort = values[Self.metricsPort]
        format = values[Output.json] ? .json : .text
        warnings = values.warnings
    }
}
