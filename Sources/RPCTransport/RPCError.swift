/// A call that did not succeed: the status that the server sent, or that this side found
/// (`.unavailable`, `.deadlineExceeded`, `.cancelled`, ...).
public struct RPCError: Error, Sendable, CustomStringConvertible {
    public var code: StatusCode
    /// For a person; may be empty.
    public var message: String
    /// The server's initial headers, as far as they came. On a server: sent with the error.
    public var headers: Metadata
    /// The server's trailers, as far as they came. On a server: sent with the error.
    public var trailers: Metadata
    /// On a client: whether the server may have done what it was asked for.
    public var requestFate: RequestFate

    /// What is known about the request of a call that failed.
    public enum RequestFate: Sendable {
        /// No byte of it left, or the server said that it did not look at it (REFUSED_STREAM, or a
        /// GOAWAY that leaves the stream out): it is certainly not processed.
        case notProcessed
        /// Some of it left, and no status came: the server may have processed it, or not.
        case mayHaveBeenProcessed
        /// The server sent the status that this error has. What the status says about the request
        /// is up to the service.
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
