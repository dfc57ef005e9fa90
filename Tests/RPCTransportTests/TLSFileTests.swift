import Foundation
import RPCTransport
import TestCertificates
import Testing

@Suite("TLS files")
struct TLSFileTests {
    private let certificates: TestCertificates

    init() throws { certificates = try TestCertificates() }

    private func fault(
        certificate: String? = nil, key: String? = nil, authorities: String? = nil
    ) throws -> String {
        let own = try certificates.issue("own", .server)
        let error = #expect(throws: TLSFileError.self) {
            _ = try ServerTLS(
                certificate: certificate ?? own.certificate, key: key ?? own.key,
                clientAuthorities: authorities ?? certificates.authorities)
        }
        return try #require(error).description
            .replacing(certificates.path + "/", with: "")
    }

    @Test("are refused with the reason if they are missing, a folder, empty, or something else")
    func wrongFiles() throws {
        let missing = certificates.path + "/none.pem"
        #expect(
            try fault(certificate: missing)
                == "certificate file none.pem: No such file or directory")
        #expect(
            try fault(key: missing) == "private key file none.pem: No such file or directory")
        #expect(
            try fault(authorities: missing)
                == "certificate authorities file none.pem: No such file or directory")
        #expect(try fault(certificate: certificates.path).contains("s a directory"))
        let empty = try certificates.write("empty.pem", "")
        #expect(
            try fault(certificate: empty)
                == "certificate file empty.pem: it holds no certificate in PEM "
                + "(-----BEGIN CERTIFICATE-----)")
        #expect(
            try fault(key: empty)
                == "private key file empty.pem: it holds no private key in PEM "
                + "(-----BEGIN PRIVATE KEY-----)")
        let own = try certificates.issue("swapped", .server)
        #expect(
            try fault(certificate: own.key, key: own.certificate)
                == "certificate file swapped.key.pem: it holds a private key, not a certificate")
        #expect(
            try fault(key: own.certificate)
                == "private key file swapped.cert.pem: it holds a certificate, not a private key")
        let large = try certificates.write("large.pem", String(repeating: "x", count: 2 << 20))
        #expect(
            try fault(authorities: large)
                == "certificate authorities file large.pem: it is larger than 1048576 bytes")
    }

    @Test("are reported as damaged")
    func damage() throws {
        let text = "-----BEGIN \("CERTIFICATE")-----\nAAAA\n-----END CERTIFICATE-----\n"
        let certificate = try certificates.write("bad.pem", text)
        #expect(
            try fault(certificate: certificate)
                == "certificate file bad.pem: a certificate in it is damaged")
        let key = try certificates.write(
            "bad-key.pem", text.replacing("CERTIFICATE", with: "PRIVATE KEY"))
        #expect(
            try fault(key: key)
                == "private key file bad-key.pem: the private key in it is damaged, or of an "
                + "unknown kind")
    }

    @Test("are refused with advice if the key is encrypted, without asking at the terminal")
    func encrypted() throws {
        let heading = "ENCRYPTED PRIVATE KEY"
        let new = try certificates.write(
            "new.pem", "-----BEGIN \(heading)-----\nAAAA\n-----END \(heading)-----\n")
        let said = try fault(key: new)
        #expect(said.hasPrefix("private key file new.pem: it is encrypted: give a key without a"))
        let old = try certificates.write(
            "old.pem",
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n"
                + "AAAA\n-----END EC PRIVATE KEY-----\n")
        #expect(try fault(key: old).hasPrefix("private key file old.pem: it is encrypted"))
    }

    @Test("are refused if the certificate has expired, is not valid yet, or is not for servers")
    func times() throws {
        let old = try certificates.issue("old", .server, startingIn: -6)
        #expect(
            try fault(certificate: old.certificate, key: old.key)
                .hasPrefix("certificate file old.cert.pem: the certificate has expired, on 20"))
        let early = try certificates.issue("early", .server, startingIn: 2)
        #expect(
            try fault(certificate: early.certificate, key: early.key)
                .hasPrefix(
                    "certificate file early.cert.pem: the certificate is not valid yet, but from "))
        let client = try certificates.issue("client", .client)
        #expect(
            try fault(certificate: client.certificate, key: client.key)
                == "certificate file client.cert.pem: the certificate is not for servers "
                + "(extended key usage)")
        #expect(
            try fault(authorities: old.certificate).hasPrefix(
                "certificate authorities file old.cert.pem: its certificate has expired, on "))
    }

    @Test("are both named if the key is that of another certificate")
    func mismatch() throws {
        let other = try certificates.issue("other", .server)
        let said = try fault(key: other.key)
        #expect(
            said == "private key file other.key.pem: it is not the key of the certificate in "
                + "own.cert.pem")
    }

    @Test("cause a warning for a certificate that ends within 30 days")
    func warning() throws {
        let own = try certificates.issue("own", .server)
        let tls = try ServerTLS(
            certificate: own.certificate, key: own.key, clientAuthorities: nil)
        #expect(tls.summary.hasPrefix("localhost, valid until "))
        #expect(
            tls.warning?.hasPrefix("the certificate in \(own.certificate) is valid until ") == true)
    }

    @Test("are checked alike for clients")
    func client() throws {
        let server = try certificates.issue("server", .server)
        let error = #expect(throws: TLSFileError.self) {
            _ = try ClientTLS(
                authorities: certificates.authorities,
                certificate: (server.certificate, server.key), serverName: nil)
        }
        #expect(error?.description.hasSuffix("is not for clients (extended key usage)") == true)
        #expect(throws: TLSFileError.self) {
            _ = try ClientTLS(
                authorities: certificates.path + "/none", certificate: nil, serverName: nil)
        }
    }
}
