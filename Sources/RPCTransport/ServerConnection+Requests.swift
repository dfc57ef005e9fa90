import CNghttp2
import NIOCore

/// Reading requests: headers, the message, and when its handler may start.
extension ServerConnection {
    func open(_ stream: Int32) {
        let began = core.configuration.observer == nil ? .uptimeNanoseconds(0) : NIODeadline.now()
        let call = ServerCall(connection: self, streamID: stream, began: began)
        calls[stream] = call
        recent = call
    }

    // MARK: headers

    func read(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>,
        of call: ServerCall
    ) {
        // 32 more a field: RFC 9113, section 6.5.2.
        call.request.headerByteCount += name.count + value.count + 32
        guard call.request.headerByteCount <= core.configuration.maxHeaderByteCount else { return }
        // By length first: most headers are told apart by it.
        switch name.count {
        case 5 where name.equals(":path"):
            call.registered = core.methods.method(value)
            if call.registered == nil { call.unknownPath = String(decoding: value, as: UTF8.self) }
        case 7 where name.equals(":method"):
            call.request.isPost = value.equals("POST")
        case 12 where name.equals("content-type"):
            call.request.isGRPC = Self.isGRPC(value)
        case 12 where name.equals("grpc-timeout"):
            if let timeout = WireText.timeout(value) {
                call.deadline = .now() + timeout
            } else {
                call.request.hasBadTimeout = true
            }
        case 13 where name.equals("grpc-encoding"):
            if !value.equals("identity") {
                call.request.encoding = String(decoding: value, as: UTF8.self)
            }
        case 2 where name.equals("te"), 10 where name.equals("user-agent"),
            14 where name.equals("content-length"), 15 where name.equals("accept-encoding"):
            break
        default:
            let isReserved = name[0] == UInt8(ascii: ":") || name.begins("grpc-")
            if !isReserved { call.metadata.addReceived(name: name, value: value) }
        }
    }

    private static func isGRPC(_ contentType: UnsafeBufferPointer<UInt8>) -> Bool {
        guard contentType.begins("application/grpc") else { return false }
        if contentType.count == 16 { return true }
        let rest = contentType.dropFirst(16)
        return rest.first == UInt8(ascii: ";")
            || (rest.starts(with: "+proto".utf8)
                && (rest.count == 6 || rest.dropFirst(6).first == UInt8(ascii: ";")))
    }

    func finishHeaders(of call: ServerCall) {
        let request = call.request
        let configuration = core.configuration
        if request.headerByteCount > configuration.maxHeaderByteCount {
            // The fields that say more may be among those that were not read.
            refuse(
                call, .resourceExhausted,
                "headers of \(request.headerByteCount) bytes exceed the limit of"
                    + " \(configuration.maxHeaderByteCount)"
            )
        } else if !request.isPost {
            refuse(call, .internalError, "the HTTP method must be POST", httpStatus: 405)
        } else if !request.isGRPC {
            refuse(
                call, .internalError, "the content-type must be application/grpc", httpStatus: 415)
        } else if call.registered == nil {
            refuse(call, .unimplemented, core.methods.unknown(call.unknownPath))
        } else if let encoding = request.encoding {
            refuse(
                call, .unimplemented,
                "grpc: Decompressor is not installed for grpc-encoding \"\(encoding)\"",
                namesEncodings: true)
        } else if request.hasBadTimeout {
            refuse(call, .internalError, "malformed grpc-timeout")
        } else if let deadline = call.deadline {
            setAlarm(deadline)
        }
    }

    /// Answers a request that no handler sees.
    func refuse(
        _ call: ServerCall, _ code: StatusCode, _ text: String, httpStatus: Int? = nil,
        namesEncodings: Bool = false
    ) {
        let answer = ServerCall.Answer(
            code: code, text: text, httpStatus: httpStatus, namesEncodings: namesEncodings)
        if call.claim(with: answer) { submitAnswer(of: call) }
    }

    // MARK: message

    func receive(_ bytes: UnsafeRawBufferPointer, of call: ServerCall) {
        guard call.progress == .receiving, !call.request.isComplete else { return }
        guard account(bytes.count, for: call) else {
            refuse(call, .resourceExhausted, "the server holds too many bytes of requests")
            return
        }
        call.message.writeBytes(bytes)
        if call.request.messageByteCount == nil { readPrefix(of: call) }
        if let expected = call.request.messageByteCount, call.message.readableBytes > expected {
            refuse(
                call, .internalError,
                "cardinality violation: received multiple request messages"
                    + " for a method that takes one"
            )
        }
    }

    private func readPrefix(of call: ServerCall) {
        guard call.message.readableBytes >= FramedBytes.prefixByteCount,
            let compressed = call.message.readInteger(as: UInt8.self),
            let length = call.message.readInteger(as: UInt32.self)
        else { return }
        let limit = core.configuration.maxReceiveMessageByteCount
        call.request.messageByteCount = Int(length)
        if compressed != 0 {
            refuse(
                call, .internalError,
                "grpc: compressed flag set with identity or empty encoding", namesEncodings: true)
        } else if Int(length) > limit {
            refuse(
                call, .resourceExhausted,
                "grpc: received message larger than max (\(length) vs. \(limit))")
        }
    }

    func finishRequest(of call: ServerCall) {
        call.request.isComplete = true
        guard call.progress == .receiving else { return }
        guard let expected = call.request.messageByteCount else {
            let text =
                call.message.readableBytes == 0
                ? "cardinality violation: received no request message for a method that takes one"
                : "the request ends within a message's prefix"
            refuse(call, .internalError, text)
            return
        }
        guard call.message.readableBytes == expected else {
            refuse(
                call, .internalError,
                "the request ends after \(call.message.readableBytes) of \(expected) bytes")
            return
        }
        call.progress = .waiting
        if waiting.isEmpty, mayStart {
            start(call)
        } else {
            waiting.append(call)
        }
    }

    /// nghttp2 does not mind DATA frames without content; each costs as much as a real one.
    func countEmptyFrames(of call: ServerCall) {
        let byteCount = call.request.countedByteCount
        if byteCount > call.request.byteCountAtLastFrame || call.progress != .receiving {
            call.request.byteCountAtLastFrame = byteCount
            call.request.emptyFrames = 0
            return
        }
        call.request.emptyFrames += 1
        if call.request.emptyFrames > core.configuration.maxEmptyFrames, let session {
            nghttp2_session_terminate_session(session, HTTP2.enhanceYourCalm)
        }
    }

    // MARK: what is held

    func account(_ byteCount: Int, for call: ServerCall) -> Bool {
        guard bufferedRequestByteCount + byteCount <= core.connectionRequestByteCount,
            loop.bufferedRequestByteCount + byteCount <= core.loopRequestByteCount
        else { return false }
        call.request.countedByteCount += byteCount
        bufferedRequestByteCount += byteCount
        loop.bufferedRequestByteCount += byteCount
        return true
    }

    func dropAccount(of call: ServerCall) {
        bufferedRequestByteCount -= call.request.countedByteCount
        loop.bufferedRequestByteCount -= call.request.countedByteCount
        call.request.countedByteCount = 0
    }

    // MARK: deadlines

    func setAlarm(_ deadline: NIODeadline) {
        alarm.set(deadline, on: loop.eventLoop) { [loop, key = ObjectIdentifier(self)] in
            loop.connections[key]?.endOverdueCalls()
        }
    }

    private func endOverdueCalls() {
        alarm.rang()
        let now = NIODeadline.now()
        var next = NIODeadline.distantFuture
        for call in calls.values {
            guard let deadline = call.deadline else { continue }
            if deadline > now {
                if call.progress != .closed { next = min(next, deadline) }
            } else {
                expire(call)
            }
        }
        if next < .distantFuture { setAlarm(next) }
        sendPending()
    }
}
