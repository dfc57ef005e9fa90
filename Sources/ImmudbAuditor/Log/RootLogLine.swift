import Crypto
import Foundation
import ImmudbClient
import MerkleTree

/// A line of the log: what the auditor saw at a time. JSON, with the digest of the line before and a signature over all
/// that is in front of it.
struct RootLogLine: Hashable, Codable, Sendable {
    struct Signature: Hashable, Codable, Sendable {
        var signature: String
        var publicKey: String
    }

    /// Counts from 1.
    var line: UInt64
    var time: String
    /// SHA-256 of the line before.
    var previous: String
    var address: String
    var server: String?
    var verdict: Verdict
    /// The tree that the server showed; absent if it showed none.
    var size: UInt64?
    var root: String?
    /// What the server has signed it with, in base64.
    var serverSignature: Signature?
    var findings: [String]?

    /// The root of the line, if it has one.
    var signed: SignedRoot? {
        guard let size = size.flatMap(TreeSize.init(rawValue:)),
            let digest = root.flatMap({ Digest(hex: $0) }),
            !size.isEmpty || digest == .emptyTree
        else { return nil }
        let root = TrustedRoot(size: size, root: digest)
        guard let text = serverSignature,
            let signature = Data(base64Encoded: text.signature),
            let key = Data(base64Encoded: text.publicKey)
        else { return SignedRoot(root) }
        return SignedRoot(
            root,
            signature: RootSignature(signature: [UInt8](signature), publicKey: [UInt8](key)))
    }

    // MARK: bytes

    private static let separator = Array(#","signature":""#.utf8)

    /// Returns the line without its line feed, signed.
    func bytes(signedWith key: AuditorKey) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Without the brace at its end.
        let payload = [UInt8](try encoder.encode(self).dropLast())
        let signature = try key.secret.signature(for: payload)
        return payload + Self.separator + Array(signature.base64EncodedString().utf8)
            + Array(#""}"#.utf8)
    }

    /// Parses a line, without a look at its signature.
    ///
    /// - Returns: nil if it is no line of a log.
    static func parse(
        _ bytes: some Collection<UInt8>
    ) -> (line: RootLogLine, payload: [UInt8], signature: Data)? {
        let bytes = Array(bytes)
        // 88 digits of base64, a quote and a brace.
        let signatureStart = bytes.count - 90
        let payloadEnd = signatureStart - separator.count
        guard payloadEnd > 0, bytes[payloadEnd..<signatureStart].elementsEqual(separator),
            bytes.suffix(2).elementsEqual(#""}"#.utf8),
            let signature = Data(base64Encoded: Data(bytes[signatureStart...].dropLast(2))),
            let line = try? JSONDecoder().decode(
                RootLogLine.self, from: Data(bytes[..<payloadEnd] + [UInt8(ascii: "}")]))
        else { return nil }
        return (line, Array(bytes[..<payloadEnd]), signature)
    }

    static func digest(of bytes: some Collection<UInt8>) -> String {
        hex(SHA256.hash(data: Array(bytes)))
    }
}
