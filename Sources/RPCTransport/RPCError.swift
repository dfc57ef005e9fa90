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

    public init(
        _ code: StatusCode, _ message: String, headers: Metadata = [:], trailers: Metadata = [:]
    ) {
        self.code = code
        self.message = message
        self.headers = headers
        self.trailers = trailers
    }

    public var description: String { "\(code.name): \(message)" }
}
