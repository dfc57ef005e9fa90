import Foundation
import ImmudbProtocol
import ImmudbVerification
import POSIX
import SwiftProtobuf
import Synchronization

/// What was asked and answered in one verified call: kept until it is verified, and written to a
/// file if it is not.
final class Transcript: Sendable {
    @TaskLocal static var current: Transcript?

    private let exchanges = Mutex<[Evidence.Exchange]>([])

    func record<Response: Message>(
        _ path: String, _ request: some Message, _ result: Result<Response, ClientError>
    ) {
        let method = path.split(separator: "/").last.map(String.init) ?? path
        var exchange = Evidence.Exchange(method: method, request: Self.bytes(of: request))
        switch result {
        case .success(let response): exchange.response = Self.bytes(of: response)
        case .failure(let error): exchange.error = error.description
        }
        let entry = exchange
        exchanges.withLock { $0.append(entry) }
    }

    var all: [Evidence.Exchange] { exchanges.withLock { $0 } }

    private static func bytes(of message: some Message) -> Data {
        // It came from the wire or goes there: it can be encoded.
        (try? message.serializedData()) ?? Data()
    }
}

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

extension ImmudbClient {
    /// Runs a verified call. If it fails verification and the configuration names a directory for
    /// evidence, keeps what the server answered in a file there, and names it in the error.
    func keepingEvidence<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws -> Value {
        // Of calls within calls, the outermost keeps all that was answered.
        guard let directory = configuration.evidenceDirectory, Transcript.current == nil else {
            return try await body()
        }
        let transcript = Transcript()
        do {
            return try await Transcript.$current.withValue(transcript) { try await body() }
        } catch var error as VerificationError {
            guard error.evidenceFile == nil else { throw error }
            let evidence = Evidence(
                error, exchanges: transcript.all, server: identity.text,
                address: connection.address)
            do {
                error.evidenceFile = try evidence.write(to: directory)
            } catch let problem {
                // The verdict counts more than its file.
                error.message += " (its evidence could not be written: \(problem))"
            }
            throw error
        }
    }
}
