import NIOSSL
import Synchronization

/// The TLS settings of a client: the authorities that it trusts, and its own certificate. They are read from files, which
/// can be read again while the client runs.
public final class ClientTLS: Sendable {
    private let loaded: Mutex<NIOSSLContext>
    /// The name in the server's certificate; nil: the host that the client connects to.
    let serverName: String?
    /// The file of authorities; nil: those of the system.
    let authoritiesPath: String?
    /// The file of the client's certificate; nil if it has none.
    let certificatePath: String?
    private let keyPath: String?

    /// Reads and checks the files. Blocks.
    ///
    /// - Parameters:
    ///   - authorities: the authorities that may sign the server's certificate, in PEM; nil: those that the
    ///     system trusts.
    ///   - certificate: the client's certificate in PEM, followed by the intermediate certificates up to an
    ///     authority that the server has; nil: the client sends none.
    ///   - key: the certificate's private key in PEM, not encrypted.
    ///   - serverName: the name that the server's certificate must contain; nil: the host that the client
    ///     connects to.
    public init(
        authorities: String?, certificate: (certificate: String, key: String)?, serverName: String?
    ) throws(TLSFileError) {
        loaded = Mutex(try Self.load(authorities, certificate?.certificate, certificate?.key))
        self.serverName = serverName
        authoritiesPath = authorities
        certificatePath = certificate?.certificate
        keyPath = certificate?.key
    }

    /// Reads the files again, for later connections. Blocks.
    ///
    /// - Throws: if a file cannot be used; nothing changes then.
    package func reload() throws(TLSFileError) {
        let new = try Self.load(authoritiesPath, certificatePath, keyPath)
        loaded.withLock { $0 = new }
    }

    /// The settings for a new connection.
    var context: NIOSSLContext { loaded.withLock { $0 } }

    private static func load(
        _ authorities: String?, _ certificate: String?, _ key: String?
    ) throws(TLSFileError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.wantHTTP2()
        if let authorities {
            configuration.trustRoots = .certificates(try TLSIdentity.authorities(authorities))
        }
        if let certificate, let key {
            let identity = try TLSIdentity(certificate: certificate, key: key, for: .client)
            identity.use(in: &configuration)
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSFileError(
                .authorities, authorities ?? "of the system", "TLS cannot use it: \(error)")
        }
    }

    /// The location of the authorities, for a message.
    var authoritiesText: String { authoritiesPath ?? "the system" }
}
