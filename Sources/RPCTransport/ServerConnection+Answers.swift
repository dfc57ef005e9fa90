import CNghttp2
import NIOCore

/// Answering: headers, the message, trailers; and the end of calls.
///
/// An answer with a message is HEADERS, DATA, HEADERS. One without is HEADERS, HEADERS when the
/// server or the handler has headers to send (clients show those of an answer in a single frame as
/// trailers), else a single HEADERS.
extension ServerConnection {
    /// Submits the answer that the call carries, unless its stream is closed.
    func submitAnswer(of call: ServerCall) {
        guard call.progress != .closed, call.progress != .answered else {
            call.releaseCharge()
            return
        }
        leaveGeneration(call)
        dropAccount(of: call)
        call.message = ByteBuffer()
        let hasWaited = call.progress == .waiting
        call.progress = .answered
        if hasWaited { forgetWaiting(call) }
        if let message = call.answer.message {
            let byteCount = message.readableBytes
            usualAnswerByteCount += (byteCount - usualAnswerByteCount) / 8
            let limit = core.configuration.hardUnsentAnswerByteCount
            if unsentAnswerByteCount > 0, unsentAnswerByteCount + byteCount > limit {
                let text = "\(unsentAnswerByteCount) bytes of answers wait for this client"
                call.releaseCharge()
                call.replaceAnswer(call.droppedAnswer(text))
                submitStatus(of: call)
            } else {
                unsentAnswerByteCount += byteCount
                // Counted already: from now on it is part of what this connection reports.
                unread.reportedByteCount += call.chargedByteCount
                call.chargedByteCount = 0
                call.unsent = message
                call.isEnding = true
                submitHeaders(call.answer.headers, of: call)
            }
        } else if call.sentHeaders {
            call.isEnding = true
            resume(call)
        } else {
            submitStatus(of: call)
        }
        if core.configuration.observer != nil { observe(call, call.answer.code) }
    }

    /// A message of a stream.
    func submitPart(_ message: ByteBuffer, of call: ServerCall) {
        var message = message
        guard call.progress == .running else {
            call.stream?.sent(byteCount: message.readableBytes)
            return
        }
        call.releaseReservation()
        unsentAnswerByteCount += message.readableBytes
        if call.unsent.readableBytes == 0 {
            call.unsent = message
        } else {
            call.unsent.writeBuffer(&message)
        }
        if call.sentHeaders {
            resume(call)
        } else {
            submitHeaders(call.stream?.headers ?? [:], of: call)
        }
    }

    // MARK: with a message

    /// HEADERS, and DATA from `call.unsent`.
    private func submitHeaders(_ headers: Metadata, of call: ServerCall) {
        call.sentHeaders = true
        var provider = nghttp2_data_provider()
        // `calls` keeps the call until its stream is closed.
        provider.source.ptr = Unmanaged.passUnretained(call).toOpaque()
        provider.read_callback = Self.readBody
        withInitialFields(headers) { fields, count in
            _ = nghttp2_submit_response(session, call.streamID, fields, count, &provider)
        }
    }

    /// How much of a call's body goes into the next DATA frame; nghttp2 then calls `writeBody`.
    private static let readBody: nghttp2_data_source_read_callback = {
        _, _, _, limit, flags, source, user in
        guard let pointer = source?.pointee.ptr, let flags else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        let call = Unmanaged<ServerCall>.fromOpaque(pointer).takeUnretainedValue()
        let available = call.unsent.readableBytes
        if available == 0, !call.isEnding {
            call.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if available <= limit, call.isEnding {
            flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            call.connection.submitTrailers(of: call)
        }
        return min(available, limit)
    }

    private func resume(_ call: ServerCall) {
        guard call.isDeferred else { return }
        call.isDeferred = false
        nghttp2_session_resume_data(session, call.streamID)
    }

    // MARK: without a message

    private func submitStatus(of call: ServerCall) {
        let status = call.answer.status ?? .ok
        if let httpStatus = status.httpStatus {
            submitHTTPRefusal(httpStatus, status, of: call)
        } else if core.configuration.initialHeaders.isEmpty, status.headers.isEmpty {
            withTrailers(of: status) { trailers in
                trailers.withFields(after: UnsafeBufferPointer(core.initialFields.fields)) {
                    _ = nghttp2_submit_response(session, call.streamID, $0, $1, nil)
                }
            }
        } else {
            withInitialFields(status.headers) { fields, count in
                _ = nghttp2_submit_headers(
                    session, HTTP2.none, call.streamID, nil, fields, count, nil)
            }
            submitTrailers(of: call)
        }
    }

    /// For what is not gRPC; the status is there for clients that read it nevertheless.
    private func submitHTTPRefusal(
        _ httpStatus: Int, _ status: ServerCall.Status, of call: ServerCall
    ) {
        var block = HeaderBlock()
        block.add(":status", "\(httpStatus)")
        block.add("content-type", "application/grpc")
        block.add(core.configuration.initialHeaders)
        if httpStatus == 405 { block.add("allow", "POST") }
        block.add("grpc-status", "\(status.code.rawValue)")
        block.add("grpc-message", WireText.percentEncoded(status.text), isUnique: true)
        block.withFields {
            _ = nghttp2_submit_response(session, call.streamID, $0, $1, nil)
        }
    }

    // MARK: header blocks

    private func withInitialFields(
        _ headers: Metadata, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Void
    ) {
        let fixed = UnsafeBufferPointer(core.initialFields.fields)
        if headers.isEmpty {
            body(fixed.baseAddress, fixed.count)
        } else {
            var block = HeaderBlock()
            block.add(headers)
            block.withFields(after: fixed, body)
        }
    }

    private func submitTrailers(of call: ServerCall) {
        if let status = call.answer.status {
            withTrailers(of: status) { block in
                block.withFields { _ = nghttp2_submit_trailer(session, call.streamID, $0, $1) }
            }
        } else {
            let fields = core.okTrailers.fields
            nghttp2_submit_trailer(session, call.streamID, fields.baseAddress, fields.count)
        }
    }

    private func withTrailers(of status: ServerCall.Status, _ body: (HeaderBlock) -> Void) {
        var block = HeaderBlock()
        block.add("grpc-status", "\(status.code.rawValue)")
        if !status.text.isEmpty {
            block.add("grpc-message", WireText.percentEncoded(status.text), isUnique: true)
        }
        if status.namesEncodings { block.add("grpc-accept-encoding", "identity") }
        block.add(status.trailers)
        body(block)
    }

    // MARK: ends

    /// The deadline has passed.
    func expire(_ call: ServerCall) {
        guard call.progress != .closed, call.progress != .answered else { return }
        let answer = ServerCall.Answer(code: .deadlineExceeded, text: "deadline exceeded")
        guard call.claim(with: answer) else { return }  // its answer is on the way
        if call.sentHeaders, call.unsent.readableBytes > 0 {
            // A stream whose client does not read: trailers would wait behind what it does not
            // read.
            nghttp2_submit_rst_stream(session, HTTP2.none, call.streamID, HTTP2.cancel)
        } else {
            submitAnswer(of: call)
        }
        call.cancel()
    }

    /// Its stream is closed, answered or not.
    func close(_ call: ServerCall) {
        let progress = call.progress
        guard progress != .closed else { return }
        call.progress = .closed
        dropAccount(of: call)
        if progress == .waiting { forgetWaiting(call) }
        leaveGeneration(call)
        let unsent = call.unsent.readableBytes
        unsentAnswerByteCount -= unsent
        call.unsent = ByteBuffer()
        if progress != .answered {
            let isOurs = call.claim(with: .init(code: .cancelled, text: "cancelled"))
            observe(call, isOurs ? .cancelled : call.answer.code)
            call.cancel()
        } else {
            call.forgetCancelHandlers()
            if unsent > 0 { call.stream?.sent(byteCount: unsent) }
        }
        if call.stream != nil { call.releaseReservation() }
        call.stream = nil
    }

    private func observe(_ call: ServerCall, _ code: StatusCode) {
        guard let observer = core.configuration.observer else { return }
        observer(
            .init(
                method: call.registered?.path, code: code, duration: .now() - call.began,
                peerAddress: peerAddress))
    }
}
