import ImmudbClient
import ProgramKit

/// Everything that `immuclient` can be told.
struct ClientSettings: Sendable {
    static let address = Setting(
        "immudb-address", short: "a", .text("an address or host name", named: "host"),
        default: "127.0.0.1",
        "immudb host address")
    static let auth = Setting(
        "auth", short: "s", .boolean, default: false,
        "send the token of the token file, which 'login' stores, with every call")
    static let certificate = Setting(
        "certificate", .optionalFile, default: "./tools/mtls/4_client/certs/localhost.cert.pem",
        "client certificate file path, for mtls")
    static let clientCAs = Setting(
        "clientcas", .optionalFile, default: "./tools/mtls/2_intermediate/certs/ca-chain.cert.pem",
        "clients certificates list, aka certificate authority, for mtls")
    static let directory = Setting(
        "dir", .folder, default: ".",
        "folder of the trusted roots, one file .root-<identifier> for each server")
    static let evidence = Setting(
        "evidence", .optionalFolder, default: "",
        "folder in which a failed verification leaves a file with what the server answered")
    static let json = Setting(
        "json", .boolean, default: false,
        "print JSON, one object a line; errors are JSON on stderr")
    static let mtls = Setting(
        "mtls", short: "m", .boolean, default: false,
        "enable mutual tls: refused, this release has no TLS yet")
    static let pkey = Setting(
        "pkey", .optionalFile, default: "./tools/mtls/4_client/private/localhost.key.pem",
        "client private key path, for mtls")
    static let port = Setting(
        "immudb-port", short: "p", .integer(1...65535), default: 3322, "immudb port number")
    static let serverName = Setting(
        "servername", .text(named: "name"), default: "localhost",
        "name in the server's certificate, for mtls")
    static let tokenFile = Setting(
        "tokenfile", .file, default: "token",
        "authentication token file; a name without a slash is looked for in $HOME, then here")
    static let valueOnly = Setting(
        "value-only", .boolean, default: false,
        "print nothing but the values of entries, each and a line feed")

    /// Those that choose how answers are printed; a line of the shell may have them, too.
    static let formsOfOutput = [json, valueOnly]

    static let definition = SettingsDefinition(
        program: "immuclient",
        settings: [
            address, port, directory, evidence, json, valueOnly, tokenFile, auth, mtls, serverName,
            certificate, clientCAs, pkey,
        ])

    let host: String
    let port: Int
    /// Where trusted roots are kept.
    let directory: String
    /// nil: nothing is kept.
    let evidenceDirectory: String?
    let tokenFile: String
    /// Whether calls carry the token.
    let isAuthenticated: Bool
    let format: Output.Format
    /// What was named and has no effect.
    let warnings: [String]

    /// - Throws: `SettingsError` if something is asked for that this release cannot do.
    init(_ values: SettingsValues) throws(SettingsError) {
        guard !values[Self.mtls] else {
            throw SettingsError(
                "\(values.sourceText(of: Self.mtls)) is true: this release has no TLS yet, and does not "
                    + "connect without what was asked for. Leave it false")
        }
        switch (values[Self.json], values[Self.valueOnly]) {
        case (false, false): format = .text
        case (true, false): format = .json
        case (false, true): format = .values
        case (true, true):
            throw SettingsError("json and value-only are both true: make one of them false")
        }
        let server = try values.parsed(Self.address) { text in
            try ServerAddress(text, port: values.given(Self.port))
        }
        (host, port) = (server.host, server.port)
        directory = values[Self.directory]
        let evidence = values[Self.evidence]
        evidenceDirectory = evidence.isEmpty ? nil : evidence
        tokenFile = values[Self.tokenFile]
        isAuthenticated = values[Self.auth]
        warnings = values.warnings
    }
}

extension SettingsSources {
    /// The merged settings.
    ///
    /// - Parameter lineFlags: of one line of the shell, which may choose another form of output. It
    ///   wins over the flags that the shell was started with.
    func settings(lineFlags: [String: String] = [:]) throws(SettingsError) -> ClientSettings {
        let flags = Self.withOneForm(flags).merging(Self.withOneForm(lineFlags)) { $1 }
        return try ClientSettings(values(flags: flags))
    }

    /// Whoever asks for one form of output by a flag does not want the other, whatever an earlier
    /// source says of that.
    private static func withOneForm(_ flags: [String: String]) -> [String: String] {
        let forms = ClientSettings.formsOfOutput.map(\.key)
        guard forms.contains(where: { flags[$0] != nil }) else { return flags }
        return flags.merging(forms.map { ($0, "false") }) { given, _ in given }
    }
}
