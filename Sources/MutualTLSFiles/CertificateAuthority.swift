import Crypto
public import Foundation
import SwiftASN1
import X509

/// Signs certificates. An authority is a self-signed root, or is signed by another authority.
///
/// Keys use P-256 (ECDSA, SHA-256): all TLS libraries of immudb's clients support it, and a
/// handshake costs a server a tenth of one with RSA.
public struct CertificateAuthority: Sendable {
    /// The purpose of a certificate.
    public enum Usage: Sendable {
        case server
        case client
    }

    /// The seconds by which the clocks of servers and clients may differ.
    private static let tolerance: TimeInterval = 3_600

    public let certificate: IssuedCertificate
    private let key: P256.Signing.PrivateKey
    private let name: DistinguishedName

    /// Makes a root that is valid for `days` days from now.
    public init(root name: String, days: Int) throws {
        let key = P256.Signing.PrivateKey()
        let subject = try Self.subject(name)
        try self.init(
            subject, key, pathLength: 1, days: days, issuer: subject, issuerKey: key)
    }

    /// Makes an authority that signs the certificates in use, so that the root's key can be locked
    /// away.
    public func makeIntermediate(_ name: String, days: Int) throws -> CertificateAuthority {
        try CertificateAuthority(
            Self.subject(name), P256.Signing.PrivateKey(), pathLength: 0, days: days,
            issuer: self.name, issuerKey: key)
    }

    private init(
        _ subject: DistinguishedName, _ key: P256.Signing.PrivateKey, pathLength: Int, days: Int,
        issuer: DistinguishedName, issuerKey: P256.Signing.PrivateKey
    ) throws {
        let extensions = try Certificate.Extensions {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: pathLength))
            Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey))
            AuthorityKeyIdentifier(
                keyIdentifier: SubjectKeyIdentifier(
                    hash: Certificate.PublicKey(issuerKey.publicKey)
                ).keyIdentifier)
        }
        certificate = try Self.sign(
            subject, key, from: Date(), days: days, extensions, issuer: issuer,
            issuerKey: issuerKey)
        self.key = key
        name = subject
    }

    /// Signs a certificate for a host, with a new key.
    ///
    /// - Parameters:
    ///   - host: a name or an address. The certificate of `localhost` has the loopback addresses as
    ///     well.
    ///   - start: the start of the certificate's validity.
    public func issue(
        for host: String, _ usage: Usage, from start: Date = Date(), days: Int
    ) throws -> IssuedCertificate {
        let key = P256.Signing.PrivateKey()
        let extensions = try Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage([usage == .server ? .serverAuth : .clientAuth])
            SubjectAlternativeNames(Self.names(of: host))
            SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey))
            AuthorityKeyIdentifier(
                keyIdentifier: SubjectKeyIdentifier(
                    hash: Certificate.PublicKey(self.key.publicKey)
                ).keyIdentifier)
        }
        return try Self.sign(
            Self.subject(host), key, from: start, days: days, extensions, issuer: name,
            issuerKey: self.key)
    }

    private static func subject(_ name: String) throws -> DistinguishedName {
        try DistinguishedName {
            OrganizationName("immudb")
            CommonName(name)
        }
    }

    private static func names(of host: String) -> [GeneralName] {
        if host == "localhost" { return [host, "127.0.0.1", "::1"].map(name) }
        return [name(host)]
    }

    private static func name(_ host: String) -> GeneralName {
        HostName.addressBytes(host)
            .map { .ipAddress(ASN1OctetString(contentBytes: ArraySlice($0))) } ?? .dnsName(host)
    }

    private static func sign(
        _ subject: DistinguishedName, _ key: P256.Signing.PrivateKey, from start: Date, days: Int,
        _ extensions: Certificate.Extensions, issuer: DistinguishedName,
        issuerKey: P256.Signing.PrivateKey
    ) throws -> IssuedCertificate {
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(key.publicKey),
            notValidBefore: start.addingTimeInterval(-tolerance),
            notValidAfter: start.addingTimeInterval(TimeInterval(days) * 86_400), issuer: issuer,
            subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(issuerKey))
        return IssuedCertificate(
            certificate: try certificate.serializeAsPEM().pemString + "\n",
            key: key.pemRepresentation + "\n")
    }
}

/// A certificate and its private key, in PEM.
public struct IssuedCertificate: Sendable {
    public let certificate: String
    /// The private key, not encrypted.
    public let key: String
}
