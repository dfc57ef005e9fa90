import Foundation
import ImmudbProtocol
import ImmudbVerification
import SwiftProtobuf
import Synchronization

/// The requests and answers of one verified call: kept until it is verified, and written to a file if verification
/// fails.
final class Transcript: Sendable {
    @TaskLocal static var current: Transcript?

    /// Make the exchanges, which are encoded only if they become evidence.
    private let exchanges = Mutex<[@Sendable () -> Evidence.Exchange]>([])

    func record<Response: Message>(
        _ path: String, _ request: some Message, _ answer: Answer<Response>
    ) {
        let time = Date()
        exchanges.withLock { $0.append { Self.exchange(path, request, answer, at: time) } }
    }

    var all: [Evidence.Exchange] { exchanges.withLock { $0 }.map { $0() } }

    private static func exchange<Response: Message>(
        _ path: String, _ request: some Message, _ answer: Answer<Response>, at time: Date
    ) -> Evidence.Exchange {
        let method = path.split(separator: "/").last.map(String.init) ?? path
        var exchange = Evidence.Exchange(
            time: time, method: method, request: bytes(of: request), server: answer.identity)
        switch answer.result {
        case .success(let response): exchange.response = bytes(of: response)
        case .failure(let error):
            exchange.status = error.status?.name
            exchange.error = error.message
        }
        return exchange
    }

    private static func bytes(of message: some Message) -> Data {
        // The message came from the wire or is sent to it, so it can be encoded.
        (try? message.serializedData()) ?? Data()
    }
}

extension ImmudbClient {
    /// Runs a verified call. If verification fails and the configuration names a directory for evidence, keeps the
    /// server's answers in a file there, and adds its path to the error.
    package func keepingEvidence<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws -> Value {
        // If calls are nested, the outermost one keeps all answers.
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
                error.evidenceFile = try await EvidenceFolder(directory).write(evidence)
            } catch let problem {
                // The verification error matters more than its file.
                error.message += " (its evidence could not be written: \(problem))"
            }
            throw error
        }
    }

    /// Makes a call whose refusal is evidence: keeps the answers in a file, as for a failed verification.
    ///
    /// - Parameter index: the entry that the call asks for.
    /// - Returns: the file's path; nil if the server does not refuse, or the configuration names no directory.
    /// - Throws: why the call has failed without being refused, or why the file cannot be written.
    package func evidenceOfRefusal(
        of index: EntryIndex?, _ body: () async throws -> Void
    ) async throws -> String? {
        guard let directory = configuration.evidenceDirectory else { return nil }
        let transcript = Transcript()
        do {
            try await Transcript.$current.withValue(transcript) { try await body() }
            return nil
        } catch let error as ClientError where error.isRefusal {
            return try await EvidenceFolder(directory).write(
                Evidence(
                    error, of: index, exchanges: transcript.all, server: identity.text,
                    address: connection.address))
        }
    }
}
