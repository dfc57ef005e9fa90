import Foundation
import ImmudbClient
import MerkleTree

/// What an auditor tells others: the newest root that it trusts of each server. The answer to `GET /roots`.
struct RootsDocument: Hashable, Codable, Sendable {
    struct Root: Hashable, Codable, Sendable {
        struct Signature: Hashable, Codable, Sendable {
            var signature: Data
            var publicKey: Data

            private enum CodingKeys: String, CodingKey {
                case signature
                case publicKey = "public_key"
            }
        }

        var server: String
        var size: UInt64
        var root: String
        /// The server's, in base64; absent if it signs no roots.
        var signature: Signature?
    }

    /// The auditor's public key, by which its log is signed.
    var auditor: String
    var roots: [Root]

    var encoded: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and numbers can be encoded.
        return ((try? encoder.encode(self)).map(Array.init) ?? []) + [UInt8(ascii: "\n")]
    }
}

extension RootsDocument.Root {
    init(_ signed: SignedRoot, of server: ServerIdentity) {
        self.init(
            server: server.text, size: signed.root.size.rawValue, root: signed.root.root.hex,
            signature: signed.signature.map {
                Signature(signature: Data($0.signature), publicKey: Data($0.publicKey))
            })
    }
}

/// A root that another auditor was shown.
struct PeerRoot: Hashable, Sendable {
    var server: ServerIdentity
    var signed: SignedRoot

    /// - Returns: nil for a malformed root.
    init?(_ root: RootsDocument.Root) {
        guard let server = ServerIdentity(root.server),
            let size = TreeSize(rawValue: root.size), let digest = Digest(hex: root.root),
            !size.isEmpty || digest == .emptyTree
        else { return nil }
        self.server = server
        signed = SignedRoot(
            TrustedRoot(size: size, root: digest),
            signature: root.signature.map {
                RootSignature(
                    signature: [UInt8]($0.signature), publicKey: [UInt8]($0.publicKey))
            })
    }

    /// - Returns: nil for a line without a root.
    init?(_ line: RootLogLine) {
        guard let server = line.server.flatMap(ServerIdentity.init), let signed = line.signed else {
            return nil
        }
        self.server = server
        self.signed = signed
    }
}
