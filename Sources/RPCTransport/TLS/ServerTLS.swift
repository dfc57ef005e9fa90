package import NIOSSL
import Synchronization

/// The TLS settings of a server: its certificate, and the clients that it accepts. They are read from files, which can
/// be read again while the server runs.
public final class ServerTLS: Sendable {
    private struct Loaded {
        let context: NIOSSLContext
        let summary: String
        let warning: String?
    }

    /// The remaining lifetime in seconds below which there is a warning.
    private static let shortLife = 30 * 86_400

    private let certificatePath: String
    private let keyPath: String
    let clientAuthoritiesPath: String?
    private let applicationProtocol: String
    private let loaded: Mutex<Loaded>

    /// Reads and checks the files. Blocks.
    ///
    /// - Parameters:
    ///   - certificate: the server's certificate in PEM, followed by the intermediate certificates up to an
    ///     authority that clients have.
    ///   - key: its private key in PEM, not encrypted.
    ///   - clientAuthorities: the authorities that may sign the certificates of clients; each client must
    ///     then have one. nil: clients are not asked for certificates.
    public convenience init(
        certificate: String, key: String, clientAuthorities: String?
    ) throws(TLSFileError) {
        try self.init(
            certificate: certificate, key: key, clientAuthorities: clientAuthorities,
            applicationProtocol: "h2")
    }

    /// Reads and checks the files of a server for a protocol other than HTTP/2.
    ///
    /// - Parameter applicationProtocol: its name in TLS (ALPN), such as `http/1.1`.
    package init(
        certificate: String, key: String, clientAuthorities: String?, applicationProtocol: String
    ) throws(TLSFileError) {
        self.applicationProtocol = applicationProtocol
        certificatePath = certificate
        keyPath = key
        clientAuthoritiesPath = clientAuthorities
        loaded = Mutex(
            try Self.load(
                certificate: certificate, key: key, clientAuthorities: clientAuthorities,
                applicationProtocol))
    }

    /// Reads the files again, for later connections. Blocks.
    ///
    /// - Throws: if a file cannot be used; nothing changes then.
    public func reload() throws(TLSFileError) {
        let new = try Self.load(
            certificate: certificatePath, key: keyPath, clientAuthorities: clientAuthoritiesPath,
            applicationProtocol)
        loaded.withLock { $0 = new }
    }

    /// Describes the certificate and its validity, for a log.
    public var summary: String { loaded.withLock { $0.summary } }

    /// Warns that the certificate ends soon; nil if it does not.
    public var warning: String? { loaded.withLock { $0.warning } }

    /// The settings for a new connection.
    package var context: NIOSSLContext { loaded.withLock { $0.context } }

    private static func load(
        certificate: String, key: String, clientAuthorities: String?, _ applicationProtocol: String
    ) throws(TLSFileError) -> Loaded {
        let identity = try TLSIdentity(certificate: certificate, key: key, for: .server)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [], privateKey: .privateKey(identity.key))
        identity.use(in: &configuration)
        configuration.want(applicationProtocol)
        if let clientAuthorities {
            configuration.trustRoots = .certificates(
                try TLSIdentity.authorities(clientAuthorities))
            // Clients have no host names to verify.
            configuration.certificateVerification = .noHostnameVerification
        }
        let context: NIOSSLContext
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSFileError(.certificate, certificate, "it cannot be used: \(error)")
        }
        let facts = CertificateFacts(identity.chain[0])
        return Loaded(
            context: context, summary: "\(facts.subject), valid until \(facts.end)",
            warning: facts.ends(within: shortLife)
                ? "the certificate in \(certificate) is valid until \(facts.end) only" : nil)
    }
}
