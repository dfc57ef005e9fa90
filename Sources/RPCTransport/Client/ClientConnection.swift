import CNghttp2
import NIOCore

/// A client's connection: calls in, HTTP/2 streams out; and what comes back. Event loop only.
///
/// Credit: answers to unary calls are taken as they come. Those of a stream are taken until
/// `windowByteCount` wait for the application; then the server is given no more credit for that
/// stream, only for the connection, so that other calls go on.
final class ClientConnection: HTTP2Delegate {
    let http2: HTTP2Connection
    private let dispatcher: ClientDispatcher
    private let configuration: RPCClient.Configuration
    private let handshakeDeadline: NIODeadline
    private(set) var calls: [Int32: ClientCall] = [:]
    private var recent: ClientCall?
    private var isReady = false
    private var isLeaving = false
    private var pingSent: NIODeadline?
    private var ticks: RepeatedTask?

    init(
        _ dispatcher: ClientDispatcher, http2: HTTP2Connection, handshakeDeadline: NIODeadline
    ) {
        self.http2 = http2
        self.dispatcher = dispatcher
        configuration = dispatcher.configuration
        self.handshakeDeadline = handshakeDeadline
    }

    // MARK: session

    func makeSession(user: UnsafeMutableRawPointer) -> OpaquePointer? {
        var made: OpaquePointer?
        guard
            nghttp2_session_client_new2(
                &made, HTTP2Callbacks.shared.pointer, user, dispatcher.options.pointer) == 0,
            let session = made
        else { return nil }
        let window = UInt32(clamping: min(max(configuration.windowByteCount, 65_535), 1 << 28))
        let settings = [
            nghttp2_settings_entry(settings_id: HTTP2Setting.enablePush, value: 0),
            nghttp2_settings_entry(
                settings_id: HTTP2Setting.initialWindowByteCount, value: window),
            nghttp2_settings_entry(
                settings_id: HTTP2Setting.maxHeaderListByteCount,
                value: UInt32(clamping: configuration.maxHeaderByteCount)),
        ]
        nghttp2_submit_settings(session, HTTP2.none, settings, settings.count)
        nghttp2_session_set_local_window_size(session, HTTP2.none, 0, Int32(window) * 4)
        dispatcher.opened(self)
        startTicking()
        return session
    }

    func connectionEnded(_ error: (any Error)?) {
        ticks?.cancel()
        recent = nil
        let open = calls
        calls = [:]
        let reason = error.map { ": \($0)" } ?? ""
        dispatcher.closed(
            self, wasReady: isReady, "the connection was closed before HTTP/2 began\(reason)")
        for call in open.values where !call.isFinished {
            if call.wasSent || isLeaving {
                call.fail(
                    .unavailable,
                    "the connection to \(configuration.authority) was closed"
                        + " before the answer came\(reason)"
                )
            } else {
                dispatcher.restart(call)
            }
        }
    }

    /// Ends the connection at once, for the client's shutdown.
    func leave() {
        isLeaving = true
        for call in calls.values { call.fail(.unavailable, "the client was shut down") }
        http2.terminate(HTTP2.noError)
        // A server that does not read must not keep it.
        dispatcher.eventLoop.scheduleTask(in: .seconds(1)) { [weak channel = http2.context?.channel] in
            channel?.close(promise: nil)
        }
    }

    // MARK: requests

    func submit(_ call: ClientCall) {
        guard let session = http2.session, http2.closingSince == nil else {
            dispatcher.isLeaving(self)
            dispatcher.restart(call)
            return
        }
        call.reset()
        call.connection = self
        var provider = HTTP2Connection.bodyProvider()
        var stream: Int32 = -1
        dispatcher.withRequestFields(call) { fields, count in
            stream = nghttp2_submit_request(session, nil, fields, count, &provider, nil)
        }
        guard stream > 0 else {
            // Out of stream identifiers: this connection has served 2^30 calls.
            dispatcher.isLeaving(self)
            dispatcher.restart(call)
            return
        }
        call.streamID = stream
        calls[stream] = call
    }

    func nextBody(of stream: Int32, limit: Int) -> HTTP2Body {
        let available = call(stream)?.unsent.readableBytes ?? 0
        return available <= limit ? .last(available, hasTrailers: false) : .part(limit)
    }

    func writeBody(of stream: Int32, count: Int, to frames: inout ByteBuffer) {
        call(stream)?.unsent.readWithUnsafeReadableBytes { bytes in
            frames.writeBytes(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
            return count
        }
    }

    func sentAllPending() -> Bool { false }
    func stoppedSending(queuedByteCount: Int) {}

    func sendPending() { http2.sendPending() }
    func cut() { http2.cut() }

    /// Tells the server that nobody waits for that call.
    func abandon(_ call: ClientCall) {
        guard let session = http2.session, calls[call.streamID] === call else { return }
        nghttp2_submit_rst_stream(session, HTTP2.none, call.streamID, HTTP2.cancel)
    }

    func sentFrame(_ header: nghttp2_frame_hd) {
        if header.type == HTTP2.headers { call(header.stream_id)?.wasSent = true }
    }

    func couldNotSend(_ header: nghttp2_frame_hd) {
        guard header.type == HTTP2.headers else { return }
        guard let call = calls.removeValue(forKey: header.stream_id) else { return }
        if recent === call { recent = nil }
        dispatcher.restart(call)
    }

    // MARK: answers

    func beganHeaders(stream: Int32, category: nghttp2_headers_category) {
        call(stream)?.block = AnswerHeaders()
        recent = calls[stream]
    }

    func receivedHeader(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) {
        guard let recent, !recent.isFinished else { return }
        recent.block.byteCount += name.count + value.count + 32
        guard recent.block.byteCount <= configuration.maxHeaderByteCount else { return }
        recent.block.read(name, value, limit: configuration.maxHeaderByteCount)
    }

    func receivedFrame(
        _ header: nghttp2_frame_hd, _ frame: UnsafePointer<nghttp2_frame>
    ) {
        switch header.type {
        case HTTP2.headers:
            guard let call = call(header.stream_id) else { return }
            finishHeaders(of: call, isEnd: header.flags & HTTP2.endStream != 0)
        case HTTP2.data where header.flags & HTTP2.endStream != 0:
            call(header.stream_id)?.fail(
                .internalError, "the server ended the call without a status")
        case HTTP2.settings where header.flags & HTTP2.ack == 0 && !isReady:
            isReady = true
            dispatcher.isReady(self)
        case HTTP2.goAway:
            dispatcher.isLeaving(self)
        default:
            break
        }
    }

    private func finishHeaders(of call: ClientCall, isEnd: Bool) {
        guard !call.isFinished else { return }
        let block = call.block
        if block.byteCount > configuration.maxHeaderByteCount {
            give(
                up: call, .resourceExhausted,
                "headers of \(block.byteCount) bytes exceed the limit of"
                    + " \(configuration.maxHeaderByteCount)"
            )
        } else if isEnd {
            call.finish()
            if call.unsent.readableBytes > 0 { abandon(call) }  // answered before all was sent
        } else if block.httpStatus >= 200 {
            if block.httpStatus != 200 || !block.isGRPC {
                give(up: call, StatusCode(httpStatus: block.httpStatus), block.notGRPC)
            } else if let encoding = block.encoding {
                give(
                    up: call, .internalError,
                    "the server compresses by \(encoding), without being asked to")
            } else {
                call.headers = block.metadata
                if case .stream(let receiver) = call.receiver {
                    receiver.receive(headers: block.metadata)
                }
            }
        }
    }

    func receivedData(stream: Int32, bytes: UnsafeRawBufferPointer) {
        guard let session = http2.session else { return }
        guard let call = call(stream), !call.isFinished else {
            nghttp2_session_consume(session, stream, bytes.count)
            return
        }
        nghttp2_session_consume_connection(session, bytes.count)
        call.heldByteCount += bytes.count
        if case .unary = call.receiver, call.hasMessage {
            give(up: call, .internalError, "the server sent two answers to a call that takes one")
            return
        }
        call.message.writeBytes(bytes)
        readMessages(of: call)
        giveCredit(to: call)
    }

    private func readMessages(of call: ClientCall) {
        while !call.isFinished {
            if call.messageByteCount == nil {
                guard call.message.readableBytes >= FramedBytes.prefixByteCount,
                    let compressed = call.message.readInteger(as: UInt8.self),
                    let length = call.message.readInteger(as: UInt32.self)
                else { return }
                let limit = configuration.maxReceiveMessageByteCount
                if compressed != 0 {
                    give(up: call, .internalError, "the server sent a compressed message")
                } else if Int(length) > limit {
                    give(
                        up: call, .resourceExhausted,
                        "grpc: received message larger than max (\(length) vs. \(limit))")
                }
                call.messageByteCount = Int(length)
            }
            guard let length = call.messageByteCount, call.message.readableBytes >= length else {
                return
            }
            switch call.receiver {
            case .unary:
                if call.message.readableBytes > length {
                    give(
                        up: call, .internalError,
                        "the server sent two answers to a call that takes one")
                }
                call.hasMessage = true
                return
            case .stream(let receiver):
                guard let message = call.message.readSlice(length: length) else { return }
                call.messageByteCount = nil
                if call.message.readableBytes == 0 { call.message = ByteBuffer() }
                receiver.receive(message: message)
            }
        }
    }

    /// Lets the server send more of that call, unless enough of it waits for the application.
    func giveCredit(to call: ClientCall) {
        guard let session = http2.session, call.heldByteCount > 0, calls[call.streamID] === call else { return }
        if case .stream(let receiver) = call.receiver,
            receiver.byteCount > configuration.windowByteCount
        {
            return
        }
        nghttp2_session_consume_stream(session, call.streamID, call.heldByteCount)
        call.heldByteCount = 0
    }

    private func give(up call: ClientCall, _ code: StatusCode, _ text: String) {
        call.fail(code, text)
        abandon(call)
    }

    func closedStream(_ stream: Int32, http2Error: UInt32) {
        guard let call = calls.removeValue(forKey: stream) else { return }
        if recent === call { recent = nil }
        guard !call.isFinished else { return }
        if http2Error == HTTP2.refusedStream, call.headers == nil {
            dispatcher.restart(call)  // the server did not look at it
        } else {
            call.fail(
                StatusCode(http2Error: http2Error),
                "the server reset the call (HTTP/2 error \(http2Error))")
        }
    }

    private func call(_ stream: Int32) -> ClientCall? {
        if let recent, recent.streamID == stream { return recent }
        guard let call = calls[stream] else { return nil }
        recent = call
        return call
    }

    // MARK: life signs

    private func startTicking() {
        let shortest = min(
            configuration.keepaliveInterval, configuration.keepaliveTimeout,
            configuration.connectTimeout)
        let interval = min(.seconds(5), max(.milliseconds(10), (shortest / 4).timeAmount))
        ticks = dispatcher.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) {
            [dispatcher, key = ObjectIdentifier(self)] _ in
            dispatcher.connection(key)?.tick()
        }
    }

    private func tick() {
        let now = NIODeadline.now()
        if let closingSince = http2.closingSince {
            if now - closingSince > .seconds(5) { http2.cut() }
        } else if !isReady {
            if now > handshakeDeadline { http2.cut() }
        } else if let sent = pingSent {
            if http2.lastRead > sent {
                pingSent = nil
            } else if now - sent > configuration.keepaliveTimeout.timeAmount {
                http2.cut()
            }
        } else if !calls.isEmpty, now - http2.lastRead > configuration.keepaliveInterval.timeAmount {
            pingSent = now
            nghttp2_submit_ping(http2.session, HTTP2.none, nil)
            sendPending()
        }
        if calls.isEmpty { http2.releaseSpareMemory() }
    }
}
