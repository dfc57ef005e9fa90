package import Crypto
import ImmudbProtocol
import SwiftProtobuf

extension LyingServer.State {
    /// Signs the server's roots, as a server with a signing key does.
    package mutating func sign(with key: P256.Signing.PrivateKey) {
        alterRoot = { root in
            root.clearSignature()
            guard let bytes = try? root.serializedData(),
                let signature = try? key.signature(for: bytes)
            else { return }
            root.signature.signature = signature.derRepresentation
            root.signature.publicKey = key.publicKey.x963Representation
        }
    }
}
