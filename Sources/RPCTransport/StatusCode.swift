/// A gRPC status code: one of the 17 of the protocol, or another number from a peer.
public struct StatusCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let ok = StatusCode(rawValue: 0)
    public static let cancelled = StatusCode(rawValue: 1)
    public static let unknown = StatusCode(rawValue: 2)
    public static let invalidArgument = StatusCode(rawValue: 3)
    public static let deadlineExceeded = StatusCode(rawValue: 4)
    public static let notFound = StatusCode(rawValue: 5)
    public static let alreadyExists = StatusCode(rawValue: 6)
    public static let permissionDenied = StatusCode(rawValue: 7)
    public static let resourceExhausted = StatusCode(rawValue: 8)
    public static let failedPrecondition = StatusCode(rawValue: 9)
    public static let aborted = StatusCode(rawValue: 10)
    public static let outOfRange = StatusCode(rawValue: 11)
    public static let unimplemented = StatusCode(rawValue: 12)
    public static let internalError = StatusCode(rawValue: 13)
    public static let unavailable = StatusCode(rawValue: 14)
    public static let dataLoss = StatusCode(rawValue: 15)
    public static let unauthenticated = StatusCode(rawValue: 16)

    private static let names = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
        "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
        "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]

    /// The name as gRPC for Go prints it, such as `InvalidArgument`; `Code(<n>)` for a number without a name.
    public var name: String {
        Self.names.indices.contains(rawValue) ? Self.names[rawValue] : "Code(\(rawValue))"
    }

    public var description: String { name }
}

extension StatusCode {
    /// Makes the client's status for an answer that is not gRPC, by the table "HTTP to gRPC status code mapping" of the
    /// gRPC documentation.
    init(httpStatus: Int) {
        switch httpStatus {
        case 400: self = .internalError
        case 401: self = .unauthenticated
        case 403: self = .permissionDenied
        case 404: self = .unimplemented
        case 429, 502, 503, 504: self = .unavailable
        default: self = .unknown
        }
    }

    /// Makes the client's status for RST_STREAM, by the table "Errors" of "gRPC over HTTP/2".
    init(http2Error: UInt32) {
        switch http2Error {
        case 7: self = .unavailable  // REFUSED_STREAM
        case 8: self = .cancelled  // CANCEL
        case 11: self = .resourceExhausted  // ENHANCE_YOUR_CALM
        case 12: self = .permissionDenied  // INADEQUATE_SECURITY
        default: self = .internalError
        }
    }
}
