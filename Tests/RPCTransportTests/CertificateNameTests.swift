import NIOSSL
import TestCertificates
import Testing

@testable import RPCTransport

@Suite("Names in certificates")
struct CertificateNameTests {
    @Test(
        "match in any case, with one label for the asterisk",
        arguments: [
            ("db.example.com", "db.example.com", true), ("db.example.com", "DB.Example.com.", true),
            ("db.example.com", "example.com", false), ("db.example.com", "b.example.com", false),
            ("*.example.com", "db.example.com", true), ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false), ("*.example.com", ".example.com", false),
            ("*.example.com", "dbexample.com", false), ("d*.example.com", "db.example.com", false),
            ("localhost", "localhost", true), ("localhost", "", false),
            ("127.0.0.1", "127.0.0.1", false),
        ])
    func matches(host: String, name: String, isRight: Bool) throws {
        let certificates = try TestCertificates()
        let files = try certificates.issue("a", .server, for: host)
        let certificate = try #require(try NIOSSLCertificate.fromPEMFile(files.certificate).first)
        #expect(CertificateFacts(certificate).isFor(hostNamed: name) == isRight)
        withExtendedLifetime(certificates) {}
    }

    @Test("are shown with times in words that people read")
    func words() throws {
        #expect(CertificateFacts.text(of: 0) == "1970-01-01 00:00:00 UTC")
        #expect(CertificateFacts.text(of: 1_790_000_000) == "2026-09-21 14:13:20 UTC")
        let certificates = try TestCertificates()
        for (host, names) in [
            ("localhost", "localhost, 127.0.0.1, ::1"), ("fd00::7", "fd00::7"),
        ] {
            let files = try certificates.issue("a", .server, for: host)
            let certificate = try #require(
                try NIOSSLCertificate.fromPEMFile(files.certificate).first)
            let facts = CertificateFacts(certificate)
            #expect(facts.names == names)
            #expect(facts.subject == host)
            #expect(facts.issuer == "test CA")
        }
    }
}
