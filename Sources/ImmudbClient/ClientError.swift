public import RPCTransport

/// Why a call gave no answer: a code to decide by, a message for a person, and the cause.
///
/// Never evidence of tampering, which is a `VerificationError`. Two errors are equal when their
/// codes are.
public struct ClientError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// No server answers at this address, or the connection broke. A write may have happened or
        /// not.
        case unavailable
        /// The answer did not come in time. A write may have happened or not.
        case deadlineExceeded
        /// The task that waited was cancelled.
        case cancelled
        /// The server has no such key or index.
        case notFound
        /// The server refused the request; see `status`.
        case refused
        /// The server speaks otherwise than immudb 0.6.
        case incompatible
        /// Another server answers than the one that was connected to.
        case serverChanged
        /// No root of this server is trusted yet, and the client may not trust what the server
        /// shows.
        case firstContactRefused
        /// The trusted root cannot be read or stored.
        case trustedRootUnusable
    }

    public var code: Code
    public var message: String
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

    /// In the form that all clients of immudb use when there is a status: `rpc error: code =
    /// NotFound desc = Key not found`.
    public var description: String {
        if let status { "rpc error: code = \(status.name) desc = \(message)" } else { message }
    }

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
