import Foundation
import ImmudbVerification
import POSIX

/// The file that a client writes when a verification fails: JSON, complete enough to repeat the
/// verification from it.
struct Evidence: Codable, Sendable {
    struct Exchange: Codable, Sendable {
        var method: String
        /// The message of the wire, in base64.
        var request: Data
        /// The message of the wire, in base64; absent if a status came instead.
        var response: Data?
        var error: String?
    }

    struct Root: Codable, Sendable {
        /// Of the last entry; absent for the empty tree.
        var index: UInt64?
        var root: String
    }

    /// Of this format.
    var immudbEvidence = 1
    var time: Date
    var server: String
    var address: String
    var check: String
    var message: String
    var index: UInt64?
    var trusted: Root?
    var claimed: Root?
    var path: [String]
    /// In the order in which they ended.
    var exchanges: [Exchange]

    init(_ error: VerificationError, exchanges: [Exchange], server: String, address: String) {
        time = Date()
        self.server = server
        self.address = address
        check = error.code.rawValue
        message = error.message
        index = error.index?.rawValue
        trusted = Self.root(error.trustedRoot, error.trustedSize)
        claimed = Self.root(error.newRoot, error.newSize)
        path = error.path.map(\.hex)
        self.exchanges = exchanges
    }

    private static func root(_ root: Digest?, _ size: TreeSize?) -> Root? {
        root.map { Root(index: size?.lastIndex?.rawValue, root: $0.hex) }
    }

    /// Writes it to a new file that only its owner reads, since entries are in it.
    ///
    /// - Returns: the file's path.
    func write(to directory: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = try encoder.encode(self)
        let stamp = time.formatted(.iso8601.timeSeparator(.omitted).dateSeparator(.dash))
        let name = "immudb-evidence-\(server)-\(stamp)-\(UUID().uuidString.prefix(8)).json"
        let path = (directory.hasSuffix("/") ? directory : directory + "/") + name
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw EvidenceError(description: "\(path): \(Errno.last)")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: text)
        try file.synchronize()
        return path
    }
}

private struct EvidenceError: Error, CustomStringConvertible {
    let description: String
}
