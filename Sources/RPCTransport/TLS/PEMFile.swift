import NIOSSL
import POSIX
import SystemPackage

/// A file in PEM that holds certificates, or a private key.
struct PEMFile {
    /// Four times the size of a bundle of all public authorities.
    private static let largest = 1 << 20

    private let role: TLSFileError.Role
    private let path: String
    private let bytes: [UInt8]
    /// The bytes as text, for looking at the headings only.
    private let text: String

    /// Reads the file. Blocks.
    init(_ role: TLSFileError.Role, _ path: String) throws(TLSFileError) {
        self.role = role
        self.path = path
        do {
            // A pipe without a writer must not delay the start.
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            bytes = try file.closeAfter { try file.bytes(upTo: Self.largest + 1) }
        } catch {
            throw TLSFileError(role, path, "\(error)")
        }
        text = String(decoding: bytes, as: UTF8.self)
        guard bytes.count <= Self.largest else {
            throw fault("it is larger than \(Self.largest) bytes")
        }
    }

    private func fault(_ reason: String) -> TLSFileError { TLSFileError(role, path, reason) }

    /// Returns all certificates of the file, at least one, in their order.
    func certificates() throws(TLSFileError) -> [NIOSSLCertificate] {
        guard text.contains("-----BEGIN CERTIFICATE-----") else {
            throw fault(
                text.contains("PRIVATE KEY-----")
                    ? "it holds a private key, not a certificate"
                    : "it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
        }
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty
        else { throw fault("a certificate in it is damaged") }
        return certificates
    }

    /// Returns the private key of the file.
    func privateKey() throws(TLSFileError) -> NIOSSLPrivateKey {
        guard text.contains("PRIVATE KEY-----") else {
            throw fault(
                text.contains("-----BEGIN CERTIFICATE-----")
                    ? "it holds a certificate, not a private key"
                    : "it holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")
        }
        let isEncrypted =
            text.contains("BEGIN ENCRYPTED PRIVATE KEY")
            || text.contains("Proc-Type: 4,ENCRYPTED")
        guard !isEncrypted else {
            throw fault(
                "it is encrypted: give a key without a passphrase, which 'openssl pkey -in \(path) "
                    + "-out FILE' writes, and keep that file readable for its owner only")
        }
        guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw fault("the private key in it is damaged, or of an unknown kind")
        }
        return key
    }
}
