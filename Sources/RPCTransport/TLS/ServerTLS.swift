import NIOSSL
import Synchronization

/// TLS of a server: its certificate, and whose clients it lets in. Read from files, which can be read again
/// while the server runs.
public final class ServerTLS: Sendable {
    private struct Loaded {
        let context: NIOSSLContext
        let summary: String
        let warning: String?
    }

    /// A certificate that ends so soon is warned of.
    private static let shortLife = 30 * 86_400

    private let certificatePath: String
    private let keyPath: String
    let clientAuthoritiesPath: String?
    private let loaded: Mutex<Loaded>

    /// Reads the files and checks them. Blocks.
    ///
    /// - Parameters:
    ///   - certificate: the server's certificate in PEM, and behind it those between it and an authority that
    ///     clients have.
    ///   - key: its private key in PEM, not encrypted.
    ///   - clientAuthorities: those that certificates of clients have to be of; each client has to have one
    ///     then. nil: clients are not asked for certificates.
    public init(
        certificate: String, key: String, clientAuthorities: String?
    ) throws(TLSFileError) {
        certificatePath = certificate
        keyPath = key
        clientAuthoritiesPath = clientAuthorities
        loaded = Mutex(
            try Self.load(
                certificate: certificate, key: key, clientAuthorities: clientAuthorities))
    }

    /// Reads the files again, for connections from now on. Blocks.
    ///
    /// - Throws: if a file cannot be used; all stays as it was then.
    public func reload() throws(TLSFileError) {
        let new = try Self.load(
            certificate: certificatePath, key: keyPath, clientAuthorities: clientAuthoritiesPath)
        loaded.withLock { $0 = new }
    }

    /// What the certificate is and how long it is valid, for a log.
    public var summary: String { loaded.withLock { $0.summary } }

    /// That the certificate ends soon.
    public var warning: String? { loaded.withLock { $0.warning } }

    var context: NIOSSLContext { loaded.withLock { $0.context } }

    private static func load(
        certificate: String, key: String, clientAuthorities: String?
    ) throws(TLSFileError) -> Loaded {
        let identity = try TLSIdentity(certificate: certificate, key: key, for: .server)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [], privateKey: .privateKey(identity.key))
        identity.use(in: &configuration)
        configuration.wantHTTP2()
        if let clientAuthorities {
            configuration.trustRoots = .certificates(
                try TLSIdentity.authorities(clientAuthorities))
            // There are no host names of clients to be verified.
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
