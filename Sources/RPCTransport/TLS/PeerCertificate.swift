import Crypto
import NIOSSL

/// The certificate of a call's client. It was verified: an authority that the server trusts has signed it, and it was
/// valid when the connection began.
public struct PeerCertificate: Sendable, Hashable {
    /// The common name of its subject; nil if there is none.
    public let commonName: String?
    /// SHA-256 of the certificate in DER.
    public let fingerprint: [UInt8]

    /// The fingerprint in lower-case hexadecimal digits, without separators.
    public var fingerprintHex: String {
        fingerprint.map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }

    init?(_ certificate: NIOSSLCertificate) {
        guard let bytes = try? certificate.toDERBytes() else { return nil }
        commonName = CertificateFacts(certificate).commonName
        fingerprint = Array(SHA256.hash(data: bytes))
    }
}
