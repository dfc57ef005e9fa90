public import Foundation
import ImmudbProtocol
public import RPCTransport

/// Why a call gave no answer: a code to decide by, a message for a person, and the cause.
///
/// Not evidence of tampering, which is a `VerificationError`, but for the code `.serverChanged`. Two
/// errors are equal when their codes are.
///
/// A write that fails with a `ClientError` of another code than `.outcomeUnknown` is certainly not
/// stored. One that fails with a `VerificationError` has probably been stored by the server that
/// could not prove it.
public struct ClientError: LocalizedError, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// No server answers at this address, the connection broke, or the server cannot do it now.
        /// A write that fails with this code is certainly not stored.
        case unavailable
        /// The answer did not come in time. A write that fails with this code was never sent.
        case deadlineExceeded
        /// The task that waited was cancelled. A write that fails with this code was never sent.
        case cancelled
        /// The write may have been stored, or not: its request was sent, and no answer came that
        /// says which; or the server has acknowledged it, and it could not be verified. Look before
        /// you write it again, or it may be there twice. The cause is a `ClientError`, or what the
        /// store of trusted roots has thrown.
        case outcomeUnknown
        /// The server has no such key or index.
        case notFound
        /// The server refused the request; see `status`.
        case refused
        /// The server speaks otherwise than immudb 0.6.
        case incompatible
        /// Another server answers than the one that was connected to, that was expected, or that was
        /// trusted at this address before; the cause is a `ServerChange`. Nothing was taken from it.
        /// Evidence: ask the server's operator before you trust it.
        case serverChanged
        /// No root of this server is trusted yet, and the client may not trust what the server
        /// shows.
        case firstContactRefused
        /// The trusted root cannot be read or stored.
        case trustedRootUnusable
        /// The directory for evidence cannot be made or written to.
        case evidenceUnusable
        /// A file of TLS cannot be used; nothing was sent.
        case tlsUnusable
    }

    public var code: Code
    /// What went wrong; the server's own words if it said so.
    public var message: String
    /// What it is about, where the message does not say it: the key that there is not, or the rule that a key breaks.
    public var hint: String?
    /// What the server answered, if it did.
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

    /// In the form that all clients of immudb use when there is a status, and the hint: `rpc error: code =
    /// NotFound desc = Key not found: there is no key "hello"`.
    public var description: String { wireDescription + (hint.map { ": \($0)" } ?? "") }

    /// The same without the hint.
    package var wireDescription: String {
        // The status of a write whose outcome is unknown is its cause's.
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
    /// The error of a write that may still have been stored.
    ///
    /// - Parameter reason: in the words that go into the message.
    static func outcomeUnknown(_ reason: String, cause: any Error) -> ClientError {
        ClientError(
            .outcomeUnknown,
            "the write may have been stored, look before you write it again: \(reason)",
            status: (cause as? ClientError)?.status, cause: cause)
    }

    /// Whether a write that failed with an error of the transport may have been stored.
    ///
    /// An answer of immudb decides by its status: INTERNAL says that the entry may have been stored,
    /// UNAVAILABLE and RESOURCE_EXHAUSTED that it is not. Those say nothing if they do not carry the
    /// server's identity: a proxy on the way sends them too, after it has passed the request on.
    static func leavesWriteOpen(_ error: RPCError) -> Bool {
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
        // An answer without a message may bring its headers with the trailers.
        [error.headers, error.trailers].contains { $0.first(ImmuMetadata.serverIdentity) != nil }
    }
}
