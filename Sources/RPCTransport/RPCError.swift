/// The error of a call: a status that the server sent, or that this side found (`.unavailable`, `.deadlineExceeded`,
/// `.cancelled`, ...).
public struct RPCError: Error, Sendable, CustomStringConvertible {
    public var code: StatusCode
    /// Text for a person; may be empty.
    public var message: String
    /// The server's initial headers that arrived. On a server: sent with the error.
    public var headers: Metadata
    /// The server's trailers that arrived. On a server: sent with the error.
    public var trailers: Metadata
    /// On a client: whether the server may have processed the request.
    public var requestFate: RequestFate

    /// The possible fates of the request of a failed call.
    public enum RequestFate: Sendable {
        /// No byte of it was sent, or the server said that it did not process it (REFUSED_STREAM, or a GOAWAY that
        /// leaves the stream out): it is certainly not processed.
        case notProcessed
        /// Part of it was sent, and no status arrived: the server may or may not have processed it.
        case mayHaveBeenProcessed
        /// The server sent the status of this error. What that says about the request depends on the service.
        case answered
    }

    public init(
        _ code: StatusCode, _ message: String, headers: Metadata = Metadata(),
        trailers: Metadata = Metadata(),
        requestFate: RequestFate = .answered
    ) {
        self.code = code
        self.message = message
        self.headers = headers
        self.trailers = trailers
        self.requestFate = requestFate
    }

    public var description: String { "\(code.name): \(message)" }
}

extension RPCError {
    /// How the messages begin of the errors of a client that gives a call up, since its answer is larger than it takes.
    static let largeMessage = "grpc: received message larger than max"
    static let largeHeaders = "headers exceed the limit"

    /// Whether this client has given the call up since its answer is larger than it takes. Nothing that a server sends makes
    /// an error look like that.
    package var isOfLargeAnswer: Bool {
        guard code == .resourceExhausted, requestFate != .answered else { return false }
        return [Self.largeMessage, Self.largeHeaders].contains { message.hasPrefix($0) }
    }
}
