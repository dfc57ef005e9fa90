/// The answer to a call.
struct Answer: Sendable {
    /// The message with its prefix; nil for an answer without one, and at the end of a stream.
    var message: [UInt8]?
    /// Everything other than plain OK with a message. Few calls need it, and creating and destroying it would cost
    /// all of them, so it is a separate object.
    private(set) var status: Status?

    init(message: [UInt8]) { self.message = message }

    init(
        message: [UInt8]? = nil, code: StatusCode = .ok, text: String = "",
        headers: Metadata = Metadata(), trailers: Metadata = Metadata(), httpStatus: Int? = nil,
        namesEncodings: Bool = false
    ) {
        self.message = message
        status = Status(
            code: code, text: text, headers: headers, trailers: trailers,
            httpStatus: httpStatus, namesEncodings: namesEncodings)
    }

    static let noRoomForRequestsText = "the server holds too many bytes of requests"

    /// The answer when clients send more than the server may hold.
    static var noRoomForRequests: Answer {
        Answer(code: .resourceExhausted, text: noRoomForRequestsText)
    }

    static var compressedMessage: Answer {
        Answer(
            code: .internalError,
            text: "grpc: compressed flag set with identity or empty encoding", namesEncodings: true)
    }

    static func messageTooLarge(_ byteCount: Int, limit: Int) -> Answer {
        Answer(
            code: .resourceExhausted,
            text: "grpc: received message larger than max (\(byteCount) vs. \(limit))")
    }

    init(_ error: RPCError) {
        self.init(
            code: error.code, text: error.message, headers: error.headers, trailers: error.trailers)
    }

    var code: StatusCode { status?.code ?? .ok }
    var headers: Metadata { status?.headers ?? [:] }

    final class Status: Sendable {
        let code: StatusCode
        let text: String
        let headers: Metadata
        let trailers: Metadata
        /// An HTTP status other than 200, for requests that are not gRPC.
        let httpStatus: Int?
        /// Whether to name the message encodings that the server understands.
        let namesEncodings: Bool

        init(
            code: StatusCode, text: String, headers: Metadata, trailers: Metadata,
            httpStatus: Int?, namesEncodings: Bool
        ) {
            self.code = code
            self.text = text
            self.headers = headers
            self.trailers = trailers
            self.httpStatus = httpStatus
            self.namesEncodings = namesEncodings
        }

        /// Plain OK.
        static let ok = Status(
            code: .ok, text: "", headers: [:], trailers: [:], httpStatus: nil,
            namesEncodings: false)

        /// The approximate memory that it takes while it waits.
        var byteCount: Int {
            text.utf8.count + headers.byteCount + trailers.byteCount
        }
    }
}
