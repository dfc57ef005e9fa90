public import Foundation
import ImmudbProtocol
public import RPCTransport

/// The reason why a call gave no answer: a code to decide by, a message for a person, and the cause.
///
/// It is not evidence of tampering, except for the code `.serverChanged`; a `VerificationError` is. Two errors are
/// equal when their codes are.
///
/// A write that fails with a `ClientError` of another code than `.outcomeUnknown` is certainly not stored. A write that
/// fails with a `VerificationError` has probably been stored by a server that could not prove it.
public struct ClientError: LocalizedError, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// No server answers at this address, the connection was lost, or the server cannot serve the call now. A write
        /// that fails with this code is certainly not stored.
        case unavailable
        /// The answer did not arrive in time. A write that fails with this code was never sent.
        case deadlineExceeded
        /// The waiting task was cancelled. A write that fails with this code was never sent.
        case cancelled
        /// The write may or may not have been stored: its request was sent, and no answer decides it; or the server has
        /// acknowledged it, and it could not be verified. Look before you write it again, or it may be stored twice.
        /// The cause is a `ClientError`, or an error that the store of trusted roots has thrown.
        case outcomeUnknown
        /// The server has no such key or index.
        case notFound
        /// The server refused the request; see `status`.
        case refused
        /// The server does not speak immudb 0.6.
        case incompatible
        /// Another server answers than the one that this client connected to, that was expected, or that was trusted at
        /// this address before; the cause is a `ServerChange`. Nothing of its answer was used. This is evidence: ask
        /// the server's operator before you trust it.
        case serverChanged
        /// No root of this server is trusted yet, and the client may not trust the root that the server shows.
        case firstContactRefused
        /// The trusted root cannot be read or stored.
        case trustedRootUnusable
        /// The directory for evidence cannot be created or written to.
        case evidenceUnusable
        /// A TLS file cannot be used; nothing was sent.
        case tlsUnusable
    }

    public var code: Code
    /// A description of the error; the server's own words if it sent any.
    public var message: String
    /// A detail that the message lacks: the missing key, or the rule that a key breaks.
    public var hint: String?
    /// The server's status, if it answered.
    public var status: StatusCode?
    public var cause: (any Error)?

    public init(
        _ code: Code, _ message: String, status: StatusCode? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.status = status
        self.cause = cause
    }

    /// The message, with the hint. With a status it has the form that all clients of immudb use: `rpc error: code =
    /// NotFound desc = Key not found: there is no key "hello"`.
    public var description: String { wireDescription + (hint.map { ": \($0)" } ?? "") }

    /// The description without the hint.
    package var wireDescription: String {
        // The status of a write with unknown outcome belongs to its cause.
        guard let status, code != .outcomeUnknown else { return message }
        return "rpc error: code = \(status.name) desc = \(message)"
    }

    /// The same as ``description``, which `localizedDescription` then is, too.
    public var errorDescription: String? { description }

    public static func == (left: ClientError, right: ClientError) -> Bool {
        left.code == right.code
    }
}

extension ClientError {
    init(_ error: RPCError, server: String) {
        let code: Code =
            switch error.code {
            case .unavailable: .unavailable
            case .deadlineExceeded: .deadlineExceeded
            case .cancelled: .cancelled
            case .notFound: .notFound
            case .unimplemented: .incompatible
            default: .refused
            }
        let isAboutConnection = code == .unavailable || code == .deadlineExceeded
        let message =
            isAboutConnection && !error.message.contains(server)
            ? "\(error.message) (immudb at \(server))" : error.message
        self.init(code, message, status: error.code, cause: error)
    }
}

// MARK: writes

extension ClientError {
    /// Makes the error of a write that may have been stored.
    ///
    /// - Parameter reason: the reason, as it is appended to the message.
    static func outcomeUnknown(_ reason: String, cause: any Error) -> ClientError {
        ClientError(
            .outcomeUnknown,
            "the write may have been stored, look before you write it again: \(reason)",
            status: (cause as? ClientError)?.status, cause: cause)
    }

    /// Returns whether a write that failed with an error of the transport may have been stored.
    ///
    /// If immudb has answered, its status decides: INTERNAL says that the entry may have been stored, UNAVAILABLE and
    /// RESOURCE_EXHAUSTED that it was not. The latter two say nothing if they do not carry the server's identity: a
    /// proxy sends them, too, after it has passed the request on.
    package static func leavesWriteOpen(_ error: RPCError) -> Bool {
        switch error.requestFate {
        case .notProcessed: return false
        case .mayHaveBeenProcessed: return true
        case .answered: break
        }
        switch error.code {
        case .invalidArgument, .notFound, .alreadyExists, .permissionDenied, .unauthenticated,
            .failedPrecondition, .outOfRange, .unimplemented:
            return false
        case .unavailable, .resourceExhausted, .unknown, .aborted: return !isFromImmudb(error)
        default: return true
        }
    }

    private static func isFromImmudb(_ error: RPCError) -> Bool {
        // An answer without a message may have its headers in the trailers.
        [error.headers, error.trailers].contains { $0.first(ImmuMetadata.serverIdentity) != nil }
    }
}

// MARK: refusals

extension ClientError {
    /// Whether the server has not given what it was asked for, by its own decision: neither is it out of reach or short of
    /// something, nor does it miss a login. An answer that is larger than this client takes is a refusal, too.
    ///
    /// Once it says nothing. A server that hides an entry in this way refuses it each time.
    package var isRefusal: Bool {
        switch code {
        case .notFound, .incompatible: true
        case .refused:
            switch status {
            case .unauthenticated, .dataLoss: false
            case .resourceExhausted: (cause as? RPCError)?.isOfLargeAnswer == true
            default: true
            }
        case .unavailable, .deadlineExceeded, .cancelled, .outcomeUnknown, .serverChanged,
            .firstContactRefused, .trustedRootUnusable, .evidenceUnusable, .tlsUnusable:
            false
        }
    }

    /// Whether the server itself has said this, with a status.
    package var isAnswer: Bool {
        guard status != nil, let error = cause as? RPCError else { return false }
        return error.requestFate == .answered
    }
}
