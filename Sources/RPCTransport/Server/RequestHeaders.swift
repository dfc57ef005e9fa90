import NIOCore

/// The header fields of a request, read one by one. Event loop only.
///
/// A connection uses one of these for all of its requests: HTTP/2 does not interleave blocks.
final class RequestHeaders {
    private let methods: MethodTable
    /// The largest `byteCount`.
    private let limit: Int
    private(set) var method: RPCMethod?
    /// The path of a method that is not registered; cut, since it is sent back.
    private(set) var unknownPath = ""
    private(set) var metadata = Metadata()
    private(set) var deadline: NIODeadline?
    /// The size of the decoded fields; see `Admission`.
    private(set) var byteCount = 0
    private var isPost = false
    private var isGRPC = false
    private var encoding: String?
    private var hasBadTimeout = false

    private static let maxEchoedByteCount = 64

    init(methods: MethodTable, limit: Int) {
        self.methods = methods
        self.limit = limit
    }

    /// Resets the state for the next request.
    func begin() {
        method = nil
        metadata = Metadata()
        deadline = nil
        byteCount = 0
        isPost = false
        isGRPC = false
        encoding = nil
        hasBadTimeout = false
        unknownPath = ""
    }

    func read(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        byteCount += name.count + value.count + Metadata.fieldByteCount
        guard byteCount <= limit else { return }
        // By length first, which tells most fields apart.
        switch name.count {
        case 5 where name.equals(":path"):
            method = methods.method(value)
            if method == nil {
                unknownPath = Self.echo(value)
            }
        case 7 where name.equals(":method"):
            isPost = value.equals("POST")
        case 12 where name.equals("content-type"):
            isGRPC = Self.isGRPC(value)
        case 12 where name.equals("grpc-timeout"):
            if let timeout = WireText.timeout(value) {
                deadline = .now() + timeout
            } else {
                hasBadTimeout = true
            }
        case 13 where name.equals("grpc-encoding"):
            if !value.equals("identity") { encoding = Self.echo(value) }
        case 2 where name.equals("te"), 10 where name.equals("user-agent"),
            14 where name.equals("content-length"), 15 where name.equals("accept-encoding"):
            break
        default:
            let isReserved = name.first == UInt8(ascii: ":") || name.begins("grpc-")
            guard !isReserved else { return }
            var room = limit - byteCount
            let before = room
            if metadata.addReceived(name: name, value: value, room: &room) {
                byteCount += before - room
            } else {
                byteCount = limit + 1
            }
        }
    }

    /// Returns the beginning of a value that the client sent, for a message to the client. Once encoded, it is not
    /// longer than the frames that carry it.
    private static func echo(_ value: UnsafeBufferPointer<UInt8>) -> String {
        String(
            decoding: value.prefix(maxEchoedByteCount).map {
                (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?")
            }, as: UTF8.self)
    }

    private static func isGRPC(_ contentType: UnsafeBufferPointer<UInt8>) -> Bool {
        guard contentType.begins("application/grpc") else { return false }
        if contentType.count == 16 { return true }
        let rest = contentType.dropFirst(16)
        return rest.first == UInt8(ascii: ";")
            || (rest.starts(with: "+proto".utf8)
                && (rest.count == 6 || rest.dropFirst(6).first == UInt8(ascii: ";")))
    }

    /// Returns the refusal of these headers; nil if they are valid.
    func refusal() -> Answer? {
        if byteCount > limit {
            // Unread fields may have contained a better reason.
            return Answer(
                code: .resourceExhausted,
                text: "headers of \(byteCount) bytes exceed the limit of \(limit)")
        }
        if !isPost {
            return Answer(
                code: .internalError, text: "the HTTP method must be POST", httpStatus: 405)
        }
        if !isGRPC {
            return Answer(
                code: .internalError, text: "the content-type must be application/grpc",
                httpStatus: 415)
        }
        if method == nil {
            return Answer(code: .unimplemented, text: methods.unknown(unknownPath))
        }
        if let encoding {
            return Answer(
                code: .unimplemented,
                text: "grpc: Decompressor is not installed for grpc-encoding \"\(encoding)\"",
                namesEncodings: true)
        }
        if hasBadTimeout { return Answer(code: .internalError, text: "malformed grpc-timeout") }
        return nil
    }
}
