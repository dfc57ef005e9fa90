import Foundation
import ImmudbVerification
import POSIX

/// The file that a client writes when a verification fails: JSON, complete enough to repeat the verification.
/// `docs/client.md` documents the fields.
struct Evidence: Codable, Sendable {
    struct Exchange: Codable, Sendable {
        /// The time when the exchange ended.
        var time: Date
        var method: String
        /// The message of the wire, in base64.
        var request: Data
        /// The message of the wire, in base64; absent if a status came instead.
        var response: Data?
        /// The name of the status that came instead; absent if there was none.
        var status: String?
        /// The message of the status, or the reason why there is no answer.
        var error: String?
        /// The identity in the answer.
        var server: String?
    }

    struct Root: Codable, Sendable {
        /// The size of the tree, in entries; absent if the server sent none.
        var size: UInt64?
        var root: String
    }

    /// The most files that a directory for evidence gets.
    static let fileLimit = 1_000

    /// The version of this format.
    var immudbEvidence = 1
    var time: Date
    var server: String
    var address: String
    var check: String
    var message: String
    /// The index of the entry.
    var index: UInt64?
    var trusted: Root?
    var claimed: Root?
    var path: [String]
    /// The exchanges in the order in which they ended.
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
        root.map { Root(size: size?.rawValue, root: $0.hex) }
    }

    /// Writes the evidence to a new file that only its owner can read, since it contains entries.
    ///
    /// - Returns: the file's path.
    func write(to directory: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = try encoder.encode(self)
        let stamp = time.formatted(.iso8601.timeSeparator(.omitted).dateSeparator(.dash))
        let name = "immudb-evidence-\(server)-\(stamp)-\(UUID().uuidString.prefix(8)).json"
        // A server that lies in each answer does not fill the disk.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        guard names.count < Self.fileLimit else {
            throw EvidenceError(
                description: "\(directory) has \(names.count) files already: move them to another place")
        }
        let path = Self.path(of: name, in: directory)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw EvidenceError(description: "\(path): \(Errno.last)")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: text)
        try file.synchronize()
        return path
    }

    private static func path(of name: String, in directory: String) -> String {
        (directory.hasSuffix("/") ? directory : directory + "/") + name
    }

    /// Creates the directory and its missing parents for its owner alone, and checks that a file can be created in it.
    ///
    /// - Throws: `ClientError` with code `.evidenceUnusable`.
    static func prepare(_ directory: String) throws(ClientError) {
        do {
            try makeFolders(directory, permissions: .ownerReadWriteExecute)
            // The draft is removed when it is released.
            _ = try FileDraft(
                of: path(of: ".immudb-evidence", in: directory), permissions: .ownerReadWrite)
        } catch {
            throw ClientError(
                .evidenceUnusable,
                "evidence cannot be written to \(directory): \(error). Name a folder that is writable"
            )
        }
    }
}

private struct EvidenceError: Error, CustomStringConvertible {
    let description: String
}
