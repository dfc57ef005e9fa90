import Crypto

/// A PASETO token, version 2, purpose public: a message that anybody can read, signed by Ed25519.
///
///     v2.public.<base64url of message and signature>[.<base64url of footer>]
///
/// The signature covers header, message and footer, combined by the pre-authentication encoding:
/// "PASETO: Platform-Agnostic Security Tokens", version 2, sections 2.2.1 and 5.3.
package struct SignedMessage {
    static let header = Array("v2.public.".utf8)
    private static let signatureByteCount = 64

    package let message: [UInt8]
    package let footer: [UInt8]
    private let signature: [UInt8]

    /// Parses a token. Does not verify the signature.
    ///
    /// - Returns: nil if the bytes do not have that form.
    package init?(_ token: some Collection<UInt8>) {
        guard token.starts(with: Self.header) else { return nil }
        let parts = token.dropFirst(Self.header.count).split(
            separator: UInt8(ascii: "."), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 1 || parts.count == 2, parts.last?.isEmpty == false,
            let body = Base64URL.decode(parts[0]), body.count >= Self.signatureByteCount,
            let footer = Base64URL.decode(parts.count == 2 ? parts[1] : token.prefix(0))
        else { return nil }
        message = Array(body.dropLast(Self.signatureByteCount))
        signature = Array(body.suffix(Self.signatureByteCount))
        self.footer = footer
    }

    func isSigned(by key: Curve25519.Signing.PublicKey) -> Bool {
        key.isValidSignature(signature, for: Self.signedBytes(message, footer))
    }

    /// Makes a token. An empty footer is left out.
    static func token(
        _ message: [UInt8], footer: [UInt8], signedBy key: Curve25519.Signing.PrivateKey
    ) throws -> String {
        let signature = try key.signature(for: signedBytes(message, footer))
        let body = String(decoding: header, as: UTF8.self) + Base64URL.encode(message + signature)
        return footer.isEmpty ? body : body + "." + Base64URL.encode(footer)
    }

    private static func signedBytes(_ message: [UInt8], _ footer: [UInt8]) -> [UInt8] {
        preAuthenticationEncoding([header, message, footer])
    }

    /// Encodes the number of pieces and, before each piece, its length, in 8 bytes little-endian,
    /// so that no two lists of pieces have the same encoding.
    static func preAuthenticationEncoding(_ pieces: [[UInt8]]) -> [UInt8] {
        func encoded(_ number: Int) -> [UInt8] {
            (0..<8).map { UInt8(truncatingIfNeeded: UInt64(number) >> ($0 * 8)) }
        }
        return pieces.reduce(encoded(pieces.count)) { $0 + encoded($1.count) + $1 }
    }
}
