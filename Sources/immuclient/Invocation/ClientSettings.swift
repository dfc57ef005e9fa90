import ClientKit
import ImmudbClient
import ProgramKit

/// All settings of `immuclient`.
struct ClientSettings: FormattedSettings {
    static let auth = Setting(
        "auth", short: "s", .boolean, default: false,
        "send the token of the token file, which 'login' stores, with every call")
    static let directory = Setting(
        "dir", .optionalFolder, default: "",
        "folder of the trusted roots, one file .root-<identifier> for each server; by default "
            + "~/.immudb/roots, or the current folder if it has one of the server")
    static let evidence = Setting(
        "evidence", .optionalFolder, default: "",
        "folder in which a failed verification leaves a file with what the server answered")
    static let firstContact = Setting(
        "first-contact", .word(of: FirstContactDialog.Answer.self), default: .ask,
        "at the first verified call to a server: ask whether to trust the root that it shows, if this is a "
            + "terminal, otherwise accept it with a notice; or accept, or refuse")
    static let maxAnswerByteCount = Setting(
        "max-recv-msg-size", .integer(1 << 10...1 << 30, named: "bytes"), default: 40 << 20,
        "largest answer that is taken, in bytes")
    static let server = Setting(
        "server", .text(named: "identifier"), default: "",
        "the identifier that the server has to have; without it, any that is new at its address")
    static let signingKey = Setting(
        "server-signing-pub-key", .optionalFile, default: "",
        "public key path, PEM, with which the server has to sign the roots that it shows")
    static let valueOnly = Setting(
        "value-only", .boolean, default: false,
        "print nothing but the values of entries, each and a line feed")

    /// The settings that choose the output format; a line of the shell may have them, too.
    static let formsOfOutput = [Output.json, valueOnly]

    static let definition = SettingsDefinition(
        program: "immuclient",
        settings: [
            ConnectionSettings.address, ConnectionSettings.port, server, firstContact, directory,
            evidence, signingKey, Output.json, valueOnly, ConnectionSettings.timeout,
            maxAnswerByteCount,
            ConnectionSettings.tokenFile, auth, ConnectionSettings.mtls,
            ConnectionSettings.serverName, ConnectionSettings.certificate,
            ConnectionSettings.clientCAs, ConnectionSettings.pkey,
        ] + AuditSettings.all)

    let connection: ConnectionSettings
    let rootFolders: RootFolders
    /// The identity that the server must have; nil: any, unless another server is known at its address.
    let server: ServerIdentity?
    let firstContact: FirstContactDialog.Answer
    let maxAnswerByteCount: Int
    /// nil: signatures are not looked at.
    let signingKey: RootPublicKey?
    /// nil: no evidence is kept.
    let evidenceDirectory: String?
    let tokenFile: String
    /// Whether calls carry the token.
    let isAuthenticated: Bool
    let format: Output.Format
    /// Warnings about settings that have no effect.
    let warnings: [String]

    /// - Throws: `SettingsError` if two of them conflict.
    init(_ values: SettingsValues) throws(SettingsError) {
        switch (values[Output.json], values[Self.valueOnly]) {
        case (false, false): format = .text
        case (true, false): format = .json
        case (false, true): format = .values
        case (true, true):
            throw SettingsError("json and value-only are both true: make one of them false")
        }
        connection = try ConnectionSettings(values)
        rootFolders = RootFolders(chosen: values[Self.directory])
        server = try values.parsed(Self.server) { text in
            guard !text.isEmpty else { return nil }
            guard let identity = ServerIdentity(text) else { throw NoIdentifier() }
            return identity
        }
        signingKey = try values.parsed(Self.signingKey) { path in
            try path.isEmpty
                ? nil : RootPublicKey(pem: String(decoding: contents(of: path), as: UTF8.self))
        }
        firstContact = values[Self.firstContact]
        maxAnswerByteCount = values[Self.maxAnswerByteCount]
        let evidence = values[Self.evidence]
        evidenceDirectory = evidence.isEmpty ? nil : evidence
        tokenFile = values[ConnectionSettings.tokenFile]
        isAuthenticated = values[Self.auth]
        warnings = values.warnings
    }
}

/// The reason why a text is not an identifier of a server.
private struct NoIdentifier: Error, CustomStringConvertible {
    let description = "an identifier has 1 to 64 letters, digits, hyphens or underscores"
}

extension SettingsSources {
    /// Returns the merged settings.
    ///
    /// - Parameter lineFlags: the flags of one line of the shell, which may choose another output format. They override
    ///   the flags that the shell was started with.
    func settings(lineFlags: [String: String] = [:]) throws(SettingsError) -> ClientSettings {
        let flags = Self.withOneForm(flags).merging(Self.withOneForm(lineFlags)) { $1 }
        return try ClientSettings(values(flags: flags))
    }

    /// Makes a flag that chooses one output format turn the other one off, whatever an earlier source says.
    private static func withOneForm(_ flags: [String: String]) -> [String: String] {
        let forms = ClientSettings.formsOfOutput.map(\.key)
        guard forms.contains(where: { flags[$0] != nil }) else { return flags }
        return flags.merging(forms.map { ($0, "false") }) { given, _ in given }
    }
}
