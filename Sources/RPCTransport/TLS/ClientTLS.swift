import NIOSSL

/// TLS of a client: whom it trusts, and its own certificate.
public struct ClientTLS: Sendable {
    let context: NIOSSLContext
    /// In the server's certificate; nil: the host that the client connects to.
    let serverName: String?
    /// nil: those of the system.
    let authoritiesPath: String?
    /// nil: it has none.
    let certificatePath: String?

    /// Reads the files and checks them. Blocks.
    ///
    /// - Parameters:
    ///   - authorities: those that the server's certificate has to be of, in PEM; nil: those that the system
    ///     trusts.
    ///   - certificate: the client's certificate in PEM, and behind it those between it and an authority that
    ///     the server has; nil: it shows none.
    ///   - key: the certificate's private key in PEM, not encrypted.
    ///   - serverName: the name that the server's certificate has to be for; nil: the host that is connected
    ///     to.
    public init(
        authorities: String?, certificate: (certificate: String, key: String)?, serverName: String?
    ) throws(TLSFileError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.wantHTTP2()
        if let authorities {
            configuration.trustRoots = .certificates(try TLSIdentity.authorities(authorities))
        }
        if let certificate {
            let identity = try TLSIdentity(
                certificate: certificate.certificate, key: certificate.key, for: .client)
            identity.use(in: &configuration)
        }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSFileError(
                .authorities, authorities ?? "of the system", "TLS cannot use it: \(error)")
        }
        self.serverName = serverName
        authoritiesPath = authorities
        certificatePath = certificate?.certificate
    }

    /// Where the authorities are, for a message.
    var authoritiesText: String { authoritiesPath ?? "the system" }
}
