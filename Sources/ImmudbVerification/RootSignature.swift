import Crypto
public import Foundation
import ImmudbModel
public import MerkleTree

/// A server's signature of a root, as it came with the root: ECDSA on P-256 over SHA-256 of the root's bytes on the
/// wire. Nothing of it is verified.
public struct RootSignature: Hashable, Sendable {
    /// ASN.1 DER of r and s.
    public var signature: [UInt8]
    /// The key that the server says is its own, an uncompressed point. It is never trusted: see ``RootPublicKey``.
    public var publicKey: [UInt8]

    public init(signature: [UInt8], publicKey: [UInt8]) {
        self.signature = signature
        self.publicKey = publicKey
    }
}

/// A root that a server shows, with its signature if it has one.
public struct SignedRoot: Hashable, Sendable {
    public var root: TrustedRoot
    /// nil: the server signs no roots.
    public var signature: RootSignature?

    public init(_ root: TrustedRoot, signature: RootSignature? = nil) {
        self.root = root
        self.signature = signature
    }
}

/// The public key with which a server's roots must be signed. *Pinned*: it comes from the server's operator, never from
/// the server's answer.
public struct RootPublicKey: Hashable, Sendable, CustomStringConvertible {
    /// The uncompressed point: 65 bytes.
    public let bytes: [UInt8]

    /// Parses a public key in PEM, as `openssl pkey -in signing.pem -pubout` writes it.
    ///
    /// - Throws: `RootPublicKeyError` that says what the text is instead.
    public init(pem text: String) throws(RootPublicKeyError) {
        let pem = PEMText(text)
        guard let block = pem.block("PUBLIC KEY") else {
            throw RootPublicKeyError(
                pem.names.contains { $0.hasSuffix("PRIVATE KEY") }
                    ? "it holds a private key: give the public one, which 'openssl pkey -in FILE -pubout' prints"
                    : "it holds no public key in PEM (-----BEGIN PUBLIC KEY-----)")
        }
        guard let key = try? P256.Signing.PublicKey(pemRepresentation: block) else {
            throw RootPublicKeyError("its public key is damaged, or not one of the curve P-256")
        }
        bytes = [UInt8](key.x963Representation)
    }

    /// - Parameter bytes: an uncompressed point.
    /// - Returns: nil for anything else.
    public init?(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard (try? P256.Signing.PublicKey(x963Representation: bytes)) != nil else { return nil }
        self.bytes = bytes
    }

    /// The point in hexadecimal digits.
    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Verifies that a root was signed with this key.
    ///
    /// - Throws: code `.signatureInvalid`, also if there is no signature.
    public func verify(_ signed: SignedRoot) throws(VerificationError) {
        guard let signature = signed.signature else {
            throw failure(
                "the server's root has no signature, and one by the pinned key is required", signed)
        }
        guard signature.publicKey == bytes else {
            throw failure(
                "the server's root is signed with another key than the pinned one", signed)
        }
        guard let key = try? P256.Signing.PublicKey(x963Representation: bytes),
            let value = try? P256.Signing.ECDSASignature(derRepresentation: signature.signature),
            key.isValidSignature(value, for: signed.root.wireBytes)
        else { throw failure("the signature of the server's root is not valid", signed) }
    }

    private func failure(_ message: String, _ signed: SignedRoot) -> VerificationError {
        VerificationError(
            .signatureInvalid, message, newRoot: signed.root.root, newSize: signed.root.size)
    }
}

/// The reason why a text is not the public key of a server's roots.
public struct RootPublicKeyError: LocalizedError, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    /// The same as ``description``, which `localizedDescription` then is, too.
    public var errorDescription: String? { description }

    init(_ description: String) { self.description = description }
}
