import Crypto
import ImmudbModel
import ImmudbProtocol
import ImmudbStore
import POSIX
import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Signs the roots that the server shows, so that clients with the operator's public key know whose they are: ECDSA
/// on P-256 over SHA-256 of the root's bytes on the wire.
///
/// Each root is signed only once, for any number of clients.
final class RootSigner: Sendable {
    private static let largestFile = 64 << 10

    private let key: P256.Signing.PrivateKey
    private let publicKey: Data
    private let newest = Mutex<Immudb_Schema_Root?>(nil)

    init(_ key: P256.Signing.PrivateKey) {
        self.key = key
        publicKey = key.publicKey.x963Representation
    }

    /// Reads the key from a file in PEM. Blocks.
    ///
    /// - Throws: `ServerStartError` with the file and advice.
    convenience init(contentsOf path: String) throws(ServerStartError) {
        let text: String
        do {
            // A pipe without a writer must not delay the start.
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            text = try file.closeAfter {
                let mode = try permissions(of: file)
                guard mode & 0o027 == 0 else { throw OpenToOthers(mode: mode) }
                return String(decoding: try file.bytes(upTo: Self.largestFile), as: UTF8.self)
            }
        } catch {
            throw Self.fault(path, "\(error)")
        }
        try self.init(pem: text, of: path)
    }

    private convenience init(pem text: String, of path: String) throws(ServerStartError) {
        let pem = PEMText(text)
        guard let name = pem.names.first(where: { $0.hasSuffix("PRIVATE KEY") }),
            !text.contains("Proc-Type: 4,ENCRYPTED"), name != "ENCRYPTED PRIVATE KEY"
        else {
            throw Self.fault(
                path,
                text.contains("ENCRYPTED")
                    ? "it is encrypted: give a key without a passphrase, which 'openssl pkey -in FILE' prints"
                    : "it holds no private key in PEM. Make one: openssl genpkey -algorithm EC -pkeyopt "
                        + "ec_paramgen_curve:P-256 -out FILE")
        }
        guard let block = pem.block(name),
            let key = try? P256.Signing.PrivateKey(pemRepresentation: block)
        else { throw Self.fault(path, "its private key is damaged, or not one of the curve P-256") }
        self.init(key)
    }

    private static func fault(_ path: String, _ reason: String) -> ServerStartError {
        ServerStartError("Unable to use the signing key \(path): \(reason)")
    }

    /// The public key in hexadecimal digits, for the log.
    var publicKeyText: String {
        publicKey.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Returns a root with its signature: `root`, or a newer one that was signed meanwhile.
    ///
    /// Costs one signature, about 30 µs, if the root is new. Callers wait for each other, so that no root is signed
    /// twice.
    func signed(_ root: TrustedRoot) throws -> Immudb_Schema_Root {
        try newest.withLock { newest in
            if let newest, newest.isOfTree(at: root.size) { return newest }
            var message = Immudb_Schema_Root(root)
            message.signature.signature =
                try key.signature(for: root.wireBytes).derRepresentation
            message.signature.publicKey = publicKey
            newest = message
            return message
        }
    }

    private struct OpenToOthers: Error, CustomStringConvertible {
        let mode: UInt32

        var description: String {
            "its permissions are \(String(mode, radix: 8)), and nobody but its owner and readers of its group may "
                + "have any: chmod 600"
        }
    }
}

extension Immudb_Schema_Root {
    /// Whether this is the root of a tree of `size` entries, or of a larger one.
    fileprivate func isOfTree(at size: TreeSize) -> Bool {
        guard let last = size.lastIndex else { return root.isEmpty }
        return !root.isEmpty && index >= last.rawValue
    }
}
