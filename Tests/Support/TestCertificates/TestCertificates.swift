import Foundation
import MutualTLSFiles
import TestTools

/// Certificates of two authorities that exist for one test, in a temporary folder. Peers that trust
/// the first authority do not trust the second one.
public final class TestCertificates: Sendable {
    /// A certificate and its key.
    public struct Files: Sendable {
        public let certificate: String
        public let key: String
    }

    public enum Authority: Sendable {
        case own, stranger
    }

    public enum Usage: Sendable {
        case server, client
    }

    private let folder = TemporaryFolder()
    private let own: CertificateAuthority
    private let stranger: CertificateAuthority
    /// The file of the first authority.
    public let authorities: String
    /// The file of the second authority.
    public let strangers: String

    public var path: String { folder.path }

    public init() throws {
        own = try CertificateAuthority(root: "test CA", days: 10)
        stranger = try CertificateAuthority(root: "strange CA", days: 10)
        authorities = try folder.write("ca.pem", own.certificate.certificate)
        strangers = try folder.write("strange-ca.pem", stranger.certificate.certificate)
    }

    /// - Parameters:
    ///   - name: the name of the files. Existing files of that name are replaced.
    ///   - start: the number of days from now after which its life of 5 days begins.
    public func issue(
        _ name: String, _ usage: Usage, for host: String = "localhost",
        by authority: Authority = .own, startingIn start: Int = 0
    ) throws -> Files {
        let signer = authority == .own ? own : stranger
        let issued = try signer.issue(
            for: host, usage == .server ? .server : .client,
            from: Date(timeIntervalSinceNow: TimeInterval(start) * 86_400),
            days: 5)
        return Files(
            certificate: try folder.write("\(name).cert.pem", issued.certificate),
            key: try folder.write("\(name).key.pem", issued.key))
    }

    /// Writes a file into the folder, and returns its path.
    public func write(_ name: String, _ text: String) throws -> String {
        try folder.write(name, text)
    }
}
