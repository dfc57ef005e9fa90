import CNghttp2
import NIOCore

/// A client's connection: turns calls into HTTP/2 streams, and frames into answers. Event loop only.
///
/// Flow control: the answer of a unary call gets credit as its bytes arrive, up to the largest message. A stream gets
/// credit for the bytes that the application has taken, and for those of the message that is being received, so the
/// client holds no more than `windowByteCount` and one message. The connection as a whole gets credit at once, so that
/// one stream does not stop other calls.
final class ClientConnection: HTTP2Delegate {
    private static let leastLife = TimeAmount.seconds(1)
    /// The largest number of kept calls, which take about a MiB of memory.
    private static let mostKeptCalls = 1_000

    let http2: HTTP2Connection
    private let loop: ClientLoop
    private let configuration: RPCClient.Configuration
    /// The server's address, for messages.
    private let address: String
    private let greetingDeadline: NIODeadline
    private var calls: [Int32: ClientCall] = [:]
    private var recent: (stream: Int32, call: ClientCall)?
    /// The block of header fields that is being received. In HTTP/2 nothing can come between its
    /// parts.
    private var block: AnswerHeaders
    private var blockStream: Int32 = 0
    /// The time at which the server's SETTINGS arrived; nil before.
    private var ready: NIODeadline?
    private var hasAnswered = false
    private var isLeaving = false
    private var lifeSigns = LifeSigns()
    /// The last stream that was opened; nghttp2 opens them in the order of their numbers.
    private var lastOpened: Int32 = 0
    /// Calls that were given up before their streams were opened. nghttp2 keeps its state of them until the server
    /// allows more streams.
    private var keptCallCount = 0
    /// Whether the connection takes no more calls, and closes after the last one.
    private var isRetired = false
    /// The reason why the server takes no calls on this connection; nil if it takes them.
    private var refusal: String?
    /// The reason why the client has cut the connection.
    private var cutReason: String?
    private var ticks: Scheduled<Void>?
    private var greetingAlarm: Scheduled<Void>?

    /// - Parameter greetingDeadline: when the server's SETTINGS must have arrived.
    init(
        _ loop: ClientLoop, http2: HTTP2Connection, address: String, greetingDeadline: NIODeadline
    ) {
        self.http2 = http2
        self.loop = loop
        configuration = loop.configuration
        self.address = address
        self.greetingDeadline = greetingDeadline
        block = AnswerHeaders(limit: loop.configuration.maxHeaderByteCount)
    }

    // MARK: session

    func makeSession(user: UnsafeMutableRawPointer) -> OpaquePointer? {
        var made: OpaquePointer?
        guard
            nghttp2_session_client_new2(
                &made, HTTP2Callbacks.shared.pointer, user, loop.options.pointer) == 0,
            let session = made
        else {
            loop.closed(self, wasReady: false, "there is no memory for a connection")
            return nil
        }
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
        loop.opened(self)
        greetingAlarm = loop.eventLoop.assumeIsolated().scheduleTask(deadline: greetingDeadline) {
            [weak self] in self?.greetingIsOverdue()
        }
        startTicking()
        return session
    }

    func connectionEnded(_ error: (any Error)?) {
        ticks?.cancel()
        greetingAlarm?.cancel()
        recent = nil
        let open = calls
        calls = [:]
        let reason = cutReason ?? error.map(ConnectionAttempt.describe)
        loop.closed(self, wasReady: ready != nil, greetingFailure(reason))
        for call in open.values where !call.isFinished {
            if call.wasSent || isLeaving {
                call.fail(
                    .unavailable,
                    "the connection to \(configuration.authority) was closed before the answer came"
                        + (reason.map { ": \($0)" } ?? ""))
            } else {
                loop.restart(call)
            }
        }
    }

    /// Describes why a connection was closed before HTTP/2 began.
    private func greetingFailure(_ reason: String?) -> String {
        let text =
            reason
            ?? (http2.closingSince == nil
                ? "the connection was closed before HTTP/2 began"
                : "the server does not speak HTTP/2")
        return address == configuration.authority ? text : "\(address): \(text)"
    }

    private func greetingIsOverdue() {
        guard ready == nil else { return }
        cut(configuration.noAnswer)
    }

    private func cut(_ reason: String) {
        cutReason = cutReason ?? reason
        http2.cut()
    }

    /// Ends the connection at once, for the client's shutdown.
    func leave() {
        isLeaving = true
        for call in calls.values { call.fail(.unavailable, "the client was shut down") }
        http2.terminate(HTTP2.noError)
        // A server that does not read must not delay the close.
        loop.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { [weak http2] in
            http2?.cut()
        }
    }

    /// Whether the server has answered a call, or was connected for a while.
    var wasOfUse: Bool {
        guard let ready else { return false }
        return hasAnswered || .now() - ready > Self.leastLife
    }

    // MARK: requests

    func submit(_ call: ClientCall) {
        guard let session = http2.session, http2.closingSince == nil else {
            loop.stoppedTakingCalls(self)
            loop.restart(call)
            return
        }
        var provider = HTTP2Connection.bodyProvider()
        var stream: Int32 = -1
        loop.withRequestFields(call.request) { fields, count in
            stream = nghttp2_submit_request(session, nil, fields, count, &provider, nil)
        }
        guard stream > 0 else {
            // Out of stream identifiers: this connection has served 2^30 calls.
            loop.stoppedTakingCalls(self)
            loop.restart(call)
            return
        }
        call.submit(to: ClientCall.Route(connection: self, stream: stream))
        calls[stream] = call
    }

    func nextBody(of stream: Int32, limit: Int) -> HTTP2Body {
        // A call that has ended sends no more: its RST_STREAM is on the way.
        guard let available = call(stream)?.unsentByteCount else { return .later }
        return available <= limit ? .last(available, hasTrailers: false) : .part(limit)
    }

    func writeBody(of stream: Int32, count: Int, to frames: inout ByteBuffer) {
        call(stream)?.moveBody(count, to: &frames)
    }

    /// Unlimited: only the client's own requests wait, and nghttp2 bounds what a server makes it send.
    let maxQueuedFrameCount = Int.max

    func sentAllPending() -> Bool { false }
    func stoppedSending(queuedByteCount: Int) {}

    /// Tells the server that nobody waits for the answer on the stream, and forgets the call: otherwise a server that
    /// allows no streams, or does not read, would keep it in memory.
    fileprivate func abandon(_ stream: Int32) {
        guard let session = http2.session, remove(stream) != nil else { return }
        nghttp2_submit_rst_stream(session, HTTP2.none, stream, HTTP2.cancel)
        if stream > lastOpened {
            keptCallCount += 1
            if keptCallCount == Self.mostKeptCalls {
                isRetired = true
                loop.stoppedTakingCalls(self)
            }
        }
        closeIfRetired()
    }

    private func closeIfRetired() {
        if isRetired, calls.isEmpty { http2.terminate(HTTP2.noError) }
    }

    /// Asks the server for a sign of life after a call's deadline has passed without an answer, unless there was one
    /// recently.
    fileprivate func suspect() {
        guard !lifeSigns.isAsked, http2.closingSince == nil, let session = http2.session,
            .now() - http2.lastRead > configuration.suspicion.timeAmount
        else { return }
        lifeSigns.noteAsked(.now())
        nghttp2_submit_ping(session, HTTP2.none, nil)
    }

    func sentFrame(_ header: nghttp2_frame_hd) {
        guard header.type == HTTP2.headers else { return }
        lastOpened = max(lastOpened, header.stream_id)
        call(header.stream_id)?.headersLeave()
    }

    func couldNotSend(_ header: nghttp2_frame_hd) {
        guard header.type == HTTP2.headers else { return }
        guard let call = remove(header.stream_id) else {
            keptCallCount -= 1
            return
        }
        loop.restart(call)
    }

    // MARK: answers

    func beganHeaders(stream: Int32, category: nghttp2_headers_category) {
        block = AnswerHeaders(limit: configuration.maxHeaderByteCount)
        blockStream = stream
    }

    var headerLimit: Int { configuration.maxHeaderByteCount }

    func tolerateLargeBlock() -> Bool { true }  // the block has its own count

    func blockIsTooLarge() {
        if let call = call(blockStream), !call.isFinished { giveUpLargeBlock(call) }
    }

    private func giveUpLargeBlock(_ call: ClientCall) {
        give(
            up: call, .resourceExhausted,
            "\(RPCError.largeHeaders) of \(configuration.maxHeaderByteCount) bytes")
    }

    func receivedHeader(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) {
        block.read(name, value)
    }

    func receivedFrame(
        _ header: nghttp2_frame_hd, _ frame: UnsafePointer<nghttp2_frame>
    ) {
        switch header.type {
        case HTTP2.headers:
            guard let call = call(header.stream_id) else { return }
            hasAnswered = true
            finishHeaders(of: call, isEnd: header.flags & HTTP2.endStream != 0)
        case HTTP2.data where header.flags & HTTP2.endStream != 0:
            guard let call = call(header.stream_id), !call.isFinished else { return }
            give(up: call, .internalError, "the server ended the call without a status")
        case HTTP2.settings where header.flags & HTTP2.ack == 0 && ready == nil:
            ready = .now()
            greetingAlarm?.cancel()
            loop.becameReady(self)
        case HTTP2.goAway:
            if frame.pointee.goaway.error_code == HTTP2.inadequateSecurity {
                refusal = TLSFault.serverWantsTLS
            }
            loop.stoppedTakingCalls(self, refusal: refusal)
        default:
            break
        }
    }

    private func finishHeaders(of call: ClientCall, isEnd: Bool) {
        guard !call.isFinished, let stream = call.route?.stream else { return }
        if block.isTooLarge {
            giveUpLargeBlock(call)
        } else if isEnd {
            if call.finish(block) { abandon(stream) }  // answered before all was sent
        } else if block.httpStatus >= 200 {
            if block.httpStatus != 200 || !block.isGRPC {
                give(up: call, StatusCode(httpStatus: block.httpStatus), block.notGRPC)
            } else if let encoding = block.encoding {
                give(
                    up: call, .internalError,
                    "the server compresses its answer with \(encoding), which was not requested")
            } else {
                call.receive(headers: block.metadata)
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
        do {
            try call.receive(bytes, limit: configuration.maxReceiveMessageByteCount)
            giveCredit(to: call)
        } catch {
            give(up: call, error.code, error.text)
        }
    }

    /// Lets the server send more of the call, unless enough of it waits for the application.
    func giveCredit(to call: ClientCall) {
        guard let session = http2.session, let stream = call.route?.stream else { return }
        let count = call.takeCredit()
        if count > 0 { nghttp2_session_consume_stream(session, stream, count) }
    }

    private func give(up call: ClientCall, _ code: StatusCode, _ text: String) {
        let route = call.route
        call.fail(code, text)
        route?.abandon()
    }

    func closedStream(_ stream: Int32, http2Error: UInt32) {
        guard let call = remove(stream) else { return }
        defer { closeIfRetired() }
        guard !call.isFinished else { return }
        if http2Error == HTTP2.refusedStream, call.headers == nil {
            // The server has not processed the request.
            if let refusal { loop.refuse(call, refusal) } else { loop.restart(call) }
        } else if http2Error == HTTP2.cancel, let deadline = call.request.deadline,
            deadline <= .now()
        {
            // The server's deadline has passed before the client's.
            call.fail(.deadlineExceeded, "no answer before the deadline")
        } else {
            call.fail(
                StatusCode(http2Error: http2Error),
                "the server reset the call (HTTP/2 error \(http2Error))")
        }
    }

    private func call(_ stream: Int32) -> ClientCall? {
        if let recent, recent.stream == stream { return recent.call }
        guard let call = calls[stream] else { return nil }
        recent = (stream, call)
        return call
    }

    private func remove(_ stream: Int32) -> ClientCall? {
        if recent?.stream == stream { recent = nil }
        return calls.removeValue(forKey: stream)
    }

    // MARK: life signs

    private func startTicking() {
        let shortest = min(configuration.keepaliveInterval, configuration.keepaliveTimeout)
        let interval = min(.seconds(5), max(.milliseconds(10), (shortest / 4).timeAmount))
        ticks = loop.eventLoop.assumeIsolated().scheduleTask(in: interval) { [weak self] in
            self?.tick()
        }
    }

    private func tick() {
        let now = NIODeadline.now()
        let limits = LifeSigns.Limits(
            stalledWrite: max(
                configuration.stalledWriteTimeout, configuration.keepaliveTimeout
            ).timeAmount,
            silence: configuration.keepaliveInterval.timeAmount,
            answer: configuration.keepaliveTimeout.timeAmount)
        switch lifeSigns.look(at: http2, now, limits, mayAsk: !calls.isEmpty) {
        case .alive: break
        case .unknown:
            lifeSigns.noteAsked(now)
            nghttp2_submit_ping(http2.session, HTTP2.none, nil)
            http2.sendPending()
        case .dead(.doesNotClose): http2.cut()
        case .dead(.doesNotRead): cut("the server has stopped reading")
        case .dead(.doesNotAnswer):
            cut("no sign of life within \(configuration.keepaliveTimeout.words)")
        }
        if calls.isEmpty { http2.releaseSpareMemory() }
        if http2.session != nil { startTicking() }
    }
}

extension ClientCall.Route {
    /// Tells the server that nobody waits for the answer.
    func abandon() { connection.abandon(stream) }

    /// Ends the stream of a call whose deadline has passed.
    func expire() {
        connection.suspect()
        connection.abandon(stream)
    }
}
