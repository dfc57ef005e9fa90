package import ImmudbClient
package import ProgramKit

/// The settings of the server's address and the connection to it.
package struct ConnectionSettings: Sendable {
    package static let address = Setting(
        "immudb-address", short: "a", .text("an address or host name", named: "host"),
        default: "127.0.0.1",
        "immudb host address")
    package static let certificate = Setting(
        "certificate", .optionalFile, default: "./tools/mtls/4_client/certs/localhost.cert.pem",
        "client certificate file path, for mtls")
    package static let clientCAs = Setting(
        "clientcas", .optionalFile, default: "./tools/mtls/2_intermediate/certs/ca-chain.cert.pem",
        "clients certificates list, aka certificate authority, for mtls")
    package static let mtls = Setting(
        "mtls", short: "m", .boolean, default: false,
        "use mutual tls, with the files and the name of the next four")
    package static let pkey = Setting(
        "pkey", .optionalFile, default: "./tools/mtls/4_client/private/localhost.key.pem",
        "client private key path, for mtls")
    package static let port = Setting(
        "immudb-port", short: "p", .integer(1...65535), default: 3322, "immudb port number")
    package static let serverName = Setting(
        "servername", .text(named: "name"), default: "localhost",
        "name in the server's certificate, for mtls; empty: the host that is connected to")
    package static let timeout = Setting(
        "timeout", .integer(1...86_400, named: "seconds"), default: 30,
        "how long a call, or the next part of a dump, may take")
    package static let tokenFile = Setting(
        "tokenfile", .file, default: "token",
        "authentication token file; a name without a slash is looked for in $HOME, then here")

    private static let flagsForTLS = [serverName.key, certificate.key, clientCAs.key, pkey.key]

    package let address: ServerAddress
    /// nil: the connection is in clear text.
    package let tls: ImmudbClient.TLS?
    package let timeoutSeconds: Int

    /// - Throws: `SettingsError` if the address is invalid.
    package init(_ values: SettingsValues) throws(SettingsError) {
        address = try values.parsed(Self.address) { text in
            try ServerAddress(text, port: values.given(Self.port))
        }
        timeoutSeconds = values[Self.timeout]
        let name = values[Self.serverName]
        tls =
            values[Self.mtls]
            ? ImmudbClient.TLS(
                authoritiesFile: values[Self.clientCAs],
                certificate: .init(file: values[Self.certificate], keyFile: values[Self.pkey]),
                serverName: name.isEmpty ? nil : name) : nil
    }

    /// Returns the configuration of a client that sends `token`, if there is one, with every call.
    package func configuration(token: String?) -> ImmudbClient.Configuration {
        var configuration = ImmudbClient.Configuration(
            host: address.host, port: address.port, token: token)
        configuration.tls = tls
        configuration.callTimeoutMilliseconds = timeoutSeconds * 1_000
        return configuration
    }

    /// Explains each flag of the command line that has no effect.
    ///
    /// Variables, and keys of a config file, are for all commands, so they are not mentioned.
    ///
    /// - Parameter flags: the keys of the given flags.
    package func idleFlags(among flags: some Collection<String>) -> [String] {
        guard tls == nil else { return [] }
        return flags.filter(Self.flagsForTLS.contains).sorted().map {
            "flag --\($0) has no effect without --mtls"
        }
    }
}
