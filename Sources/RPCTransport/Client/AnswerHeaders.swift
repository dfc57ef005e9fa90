import NIOCore

/// One block of an answer's header fields: initial headers, trailers, or both in one.
struct AnswerHeaders {
    /// 0 in trailers.
    var httpStatus = 0
    var isGRPC = false
    /// Of messages, when it is not `identity`.
    var encoding: String?
    /// `grpc-status`.
    var status: Int?
    /// `grpc-message`.
    var text = ""
    var metadata = Metadata()
    var byteCount = 0

    mutating func read(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, limit: Int
    ) {
        switch name.count {
        case 7 where name.equals(":status"):
            httpStatus = Int(String(decoding: value, as: UTF8.self)) ?? 0
        case 12 where name.equals("content-type"):
            isGRPC = value.starts(with: "application/grpc".utf8)
        case 11 where name.equals("grpc-status"):
            // What is no number is a status all the same: not OK.
            status = Int(String(decoding: value, as: UTF8.self)) ?? StatusCode.unknown.rawValue
        case 12 where name.equals("grpc-message"):
            text = WireText.percentDecoded(value)
        case 13 where name.equals("grpc-encoding"):
            if !value.equals("identity") { encoding = String(decoding: value, as: UTF8.self) }
        default:
            let isReserved =
                name.first == UInt8(ascii: ":") || name.starts(with: "grpc-accept-".utf8)
            guard !isReserved else { return }
            var room = limit - byteCount
            let before = room
            byteCount = metadata.addReceived(name: name, value: value, room: &room)
                ? byteCount + before - room : limit + 1
        }
    }

    var notGRPC: String {
        httpStatus == 200
            ? "the server answers with something that is not gRPC"
            : "the server answers with HTTP status \(httpStatus)"
    }
}

extension ClientCall {
    /// The block that ends the call has come: trailers, or everything in one.
    func finish() {
        let isTrailersOnly = headers == nil
        guard let status = block.status else {
            if isTrailersOnly, block.httpStatus != 200 || !block.isGRPC {
                fail(
                    StatusCode(httpStatus: block.httpStatus), block.notGRPC,
                    trailers: block.metadata)
            } else {
                fail(
                    .internalError, "the server ended the call without a status",
                    trailers: block.metadata)
            }
            return
        }
        guard status == 0 else {
            failAsAnswered(
                StatusCode(rawValue: status), block.text, trailers: block.metadata)
            return
        }
        switch receiver {
        case .unary where !hasMessage:
            fail(
                .internalError, "the server answered OK without a complete message",
                trailers: block.metadata)
        case .stream where messageByteCount != nil || message.readableBytes > 0:
            fail(.internalError, "the server ended within a message", trailers: block.metadata)
        default:
            succeed(trailers: block.metadata)
        }
    }
}
