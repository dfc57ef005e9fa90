import NIOCore

/// One block of an answer's header fields: initial headers, trailers, or both in one.
struct AnswerHeaders {
    /// The HTTP status; 0 in trailers.
    var httpStatus = 0
    var isGRPC = false
    /// The compression of messages, unless it is `identity`.
    var encoding: String?
    /// The value of `grpc-status`.
    var status: Int?
    /// The decoded value of `grpc-message`.
    var text = ""
    private(set) var metadata = Metadata()
    /// Bytes that further fields may take. Decreases as fields are decoded.
    private var room: Int

    /// - Parameter limit: the largest size of all fields in bytes; each field counts 32 more.
    init(limit: Int) { room = limit }

    var isTooLarge: Bool { room < 0 }

    mutating func read(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
    ) {
        room -= name.count + value.count + Metadata.fieldByteCount
        guard !isTooLarge else { return }
        switch name.count {
        case 7 where name.equals(":status"):
            httpStatus = Int(String(decoding: value, as: UTF8.self)) ?? 0
        case 12 where name.equals("content-type"):
            isGRPC = value.starts(with: "application/grpc".utf8)
        case 11 where name.equals("grpc-status"):
            // A status that is not a number still ends the call; it is reported as UNKNOWN.
            status = Int(String(decoding: value, as: UTF8.self)) ?? StatusCode.unknown.rawValue
        case 12 where name.equals("grpc-message"):
            text = WireText.percentDecoded(value)
        case 13 where name.equals("grpc-encoding"):
            if !value.equals("identity") { encoding = String(decoding: value, as: UTF8.self) }
        default:
            let isReserved =
                name.first == UInt8(ascii: ":") || name.starts(with: "grpc-accept-".utf8)
            if !isReserved, !metadata.addReceived(name: name, value: value, room: &room) {
                room = -1
            }
        }
    }

    var notGRPC: String {
        httpStatus == 200
            ? "the server's answer is not gRPC"
            : "the server answers with HTTP status \(httpStatus)"
    }
}
