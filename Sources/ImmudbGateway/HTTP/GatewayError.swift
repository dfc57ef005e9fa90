import HTTPTypes
import ImmudbClient
import NIOCore
import RPCTransport

/// An error as the gateway answers it.
struct GatewayError: Error {
    let status: HTTPResponse.Status
    let code: StatusCode
    let message: String
    /// Further information as JSON, such as the evidence of a failed verification.
    var details: String?
    /// Whether the connection is closed without receiving the rest of the request.
    var endsConnection = false

    init(_ code: StatusCode, _ message: String, status: HTTPResponse.Status? = nil) {
        self.status = status ?? code.httpStatus
        self.code = code
        self.message = message
    }

    /// Maps each error to the gateway's answer. This is the only such table.
    ///
    /// - Parameter isWrite: whether the request appends an entry. If the outcome is unknown, the answer says so.
    init(_ error: any Error, isWrite: Bool = false) {
        switch error {
        case let error as GatewayError: self = error
        case let error as JSONFault: self.init(.invalidArgument, error.description)
        case let error as RPCError where isWrite && ClientError.leavesWriteOpen(error):
            self.init(.internalError, Self.mayBeStored + error.message)
        case let error as RPCError: self.init(error.code, error.message)
        case let error as ClientError: self.init(error)
        case is CancellationError: self.init(.cancelled, "context canceled")
        default: self.init(.internalError, "\(error)")
        }
    }

    private init(_ error: ClientError) {
        let code: StatusCode =
            switch error.code {
            case .outcomeUnknown: .internalError
            case .unavailable: error.status ?? .unavailable
            case .deadlineExceeded: .deadlineExceeded
            case .cancelled: .cancelled
            case .notFound: error.status ?? .notFound
            case .refused: error.status ?? .unknown
            case .incompatible: error.status ?? .unimplemented
            // Another server answers: pass on nothing that it says.
            case .serverChanged, .firstContactRefused, .tlsUnusable: .unavailable
            case .trustedRootUnusable, .evidenceUnusable: .internalError
            }
        self.init(code, error.message)
    }

    private static let mayBeStored =
        "the write may have been stored, look before you write it again: "

    /// The body: `{"error":…,"code":…,"message":…}`.
    var body: ByteBuffer {
        var text = JSONText()
        text.object { text in
            text.field("error", string: message)
            text.name("code")
            text.raw(String(code.rawValue))
            text.field("message", string: message)
            if let details {
                text.name("details")
                text.raw("[\(details)]")
            }
        }
        return text.buffer
    }

    /// The error in a stream of results: `{"error":{"grpc_code":…,"http_code":…,"message":…,"http_status":…}}`.
    var streamBody: ByteBuffer {
        var text = JSONText()
        text.object { text in
            text.name("error")
            text.object { text in
                text.name("grpc_code")
                text.raw(String(code.rawValue))
                text.field("http_code", number: UInt64(status.code))
                text.field("message", string: message)
                text.field("http_status", string: status.reasonPhrase)
            }
        }
        return text.buffer
    }
}

extension StatusCode {
    /// The mapping of grpc-gateway.
    var httpStatus: HTTPResponse.Status {
        switch self {
        case .ok: .ok
        case .cancelled: .requestTimeout
        case .unknown, .internalError, .dataLoss: .internalServerError
        case .invalidArgument, .failedPrecondition, .outOfRange: .badRequest
        case .deadlineExceeded: .gatewayTimeout
        case .notFound: .notFound
        case .alreadyExists, .aborted: .conflict
        case .permissionDenied: .forbidden
        case .resourceExhausted: .tooManyRequests
        case .unimplemented: .notImplemented
        case .unavailable: .serviceUnavailable
        case .unauthenticated: .unauthorized
        default: .internalServerError
        }
    }
}
