import CNghttp2
import NIOCore
import Synchronization

/// A client's connection on the server: HTTP/2 streams in, calls out.
///
/// This file has the connection itself: settings, life signs, draining. Reading requests is in
/// `ServerConnection+Requests.swift`, answering in `ServerConnection+Answers.swift`, what becomes
/// of clients that do not read in `ServerConnection+Room.swift`. Event loop only.
final class ServerConnection: HTTP2Connection {
    /// What an answer is taken to need before the first one was seen.
    private static let firstAnswerByteCount = 64 << 10
    /// The PING between the two GOAWAYs: its acknowledgement says that the client has read the
    /// first.
    private static let drainPing: [UInt8] = Array("draining".utf8)
    private static let drainPingTimeout = TimeAmount.seconds(1)

    let loop: ServerLoop
    let core: ServerCore
    let peerAddress: String

    /// The calls whose HTTP/2 streams are open.
    @exclusivity(unchecked) var calls: [Int32: ServerCall] = [:]
    /// The call that was looked up last; frames of one call come together.
    @exclusivity(unchecked) var recent: ServerCall?
    /// Whether header fields belong to the request of `recent`, not to trailers.
    @exclusivity(unchecked) var isReadingRequestHeaders = false

    /// Complete requests that wait until answers have left, see `mayStart`.
    @exclusivity(unchecked) var waiting = CircularBuffer<ServerCall>()
    /// Calls that were started in this generation, a span of time, and run: their answers are about
    /// to come. Those that run for longer, waiting for something, must not hold others back.
    @exclusivity(unchecked) var youngCount = 0
    @exclusivity(unchecked) var generation = 0
    var generationBegan = NIODeadline.now()
    /// Calls that wait for room for an answer that is known to be large, and streams.
    var waitingForRoom = CircularBuffer<ServerCall>()
    /// How many of `waiting` and `waitingForRoom` are over.
    var overWhileWaiting = 0
    /// Whether the loop has it on its list of connections to look at again.
    var isAwaitingRoom = false
    @exclusivity(unchecked) var unsentAnswerByteCount = 0
    /// What the server holds for this client, see `ServerConnection+Room.swift`.
    let answers: AnswerAccount
    @exclusivity(unchecked) var unread = UnreadAnswers()
    /// Moving average over the last answers.
    @exclusivity(unchecked) var usualAnswerByteCount = ServerConnection.firstAnswerByteCount
    @exclusivity(unchecked) var bufferedRequestByteCount = 0
    var alarm = DeadlineAlarm()
    /// Whether the loop has it on its list of connections to flush.
    @exclusivity(unchecked) var isTouched = false

    private let opened = NIODeadline.now()
    private var hasHandshake = false
    private var pingSent: NIODeadline?
    private var draining = Draining.no
    private var lastTickWasIdle = false

    private enum Draining {
        case no
        /// The client was told to open no more streams; those on the way are still taken.
        case announced(NIODeadline)
        /// Streams from now on are refused; when the last one ends, the connection does.
        case final
    }

    init(loop: ServerLoop, peer: SocketAddress?) {
        self.loop = loop
        core = loop.core
        answers = AnswerAccount(core.answers, core.configuration)
        peerAddress = peer.flatMap(Self.describe) ?? "unknown"
    }

    private static func describe(_ address: SocketAddress) -> String? {
        guard let host = address.ipAddress, let port = address.port else {
            return address.pathname
        }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    // MARK: session

    override func makeSession(user: UnsafeMutableRawPointer) -> OpaquePointer? {
        var made: OpaquePointer?
        guard
            nghttp2_session_server_new2(
                &made, HTTP2Callbacks.shared.pointer, user, core.options.pointer) == 0,
            let session = made
        else { return nil }
        let configuration = core.configuration
        let window = UInt32(clamping: min(configuration.windowByteCount, 1 << 28))
        let settings = [
            nghttp2_settings_entry(
                settings_id: HTTP2Setting.maxConcurrentStreams,
                value: UInt32(clamping: configuration.maxConcurrentStreams)),
            nghttp2_settings_entry(
                settings_id: HTTP2Setting.initialWindowByteCount, value: window),
            nghttp2_settings_entry(
                settings_id: HTTP2Setting.maxHeaderListByteCount,
                value: UInt32(clamping: configuration.maxHeaderByteCount)),
            nghttp2_settings_entry(settings_id: HTTP2Setting.noPriorities, value: 1),
        ]
        nghttp2_submit_settings(session, HTTP2.none, settings, settings.count)
        nghttp2_session_set_local_window_size(session, HTTP2.none, 0, Int32(window) * 4)
        loop.add(self)
        if core.isDraining.load(ordering: .acquiring) {
            loop.eventLoop.execute { [loop] in loop.beginDraining() }
        }
        return session
    }

    override func connectionEnded(_ error: (any Error)?) {
        loop.remove(self)
        alarm.cancel()
        recent = nil
        let open = calls
        calls = [:]
        for call in open.values { close(call) }
        waiting.removeAll()
        waitingForRoom.removeAll()
        countUnread(inChannel: 0)
    }

    // MARK: nghttp2

    override func beganHeaders(stream: Int32, category: nghttp2_headers_category) {
        isReadingRequestHeaders = category == NGHTTP2_HCAT_REQUEST
        if isReadingRequestHeaders { open(stream) }
    }

    override func receivedHeader(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) {
        guard isReadingRequestHeaders, let recent else { return }
        read(name, value, of: recent)
    }

    override func receivedData(stream: Int32, bytes: UnsafeRawBufferPointer) {
        guard let call = call(stream) else { return }
        receive(bytes, of: call)
    }

    override func receivedFrame(
        _ header: nghttp2_frame_hd, _ frame: UnsafePointer<nghttp2_frame>
    ) {
        switch header.type {
        case HTTP2.headers, HTTP2.data:
            guard let call = call(header.stream_id) else { return }
            if header.type == HTTP2.data {
                countEmptyFrames(of: call)
            } else if isReadingRequestHeaders {
                isReadingRequestHeaders = false
                finishHeaders(of: call)
            }
            if header.flags & HTTP2.endStream != 0 { finishRequest(of: call) }
        case HTTP2.settings:
            hasHandshake = true
        case HTTP2.ping where header.flags & HTTP2.ack != 0:
            let isDrainPing = withUnsafeBytes(of: frame.pointee.ping.opaque_data) {
                $0.elementsEqual(Self.drainPing)
            }
            if isDrainPing { finishDraining() }
        default:
            break
        }
    }

    override func sentFrame(_ header: nghttp2_frame_hd) {
        guard header.type == HTTP2.headers, header.flags & HTTP2.endStream != 0 else { return }
        guard let call = call(header.stream_id), !call.request.isComplete else { return }
        // The answer is out before the request was in: ask the client to stop (RFC 9113, section
        // 8.1). Submitted earlier, the reset would have dropped the answer.
        nghttp2_submit_rst_stream(session, HTTP2.none, header.stream_id, HTTP2.noError)
    }

    override func closedStream(_ stream: Int32, http2Error: UInt32) {
        guard let call = calls.removeValue(forKey: stream) else { return }
        if recent === call { recent = nil }
        close(call)
    }

    override func writeBody(of call: UnsafeMutableRawPointer, count: Int) {
        let call = Unmanaged<ServerCall>.fromOpaque(call).takeUnretainedValue()
        call.unsent.readWithUnsafeReadableBytes { bytes in
            outgoing.writeBytes(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
            return count
        }
        unsentAnswerByteCount -= count
        unread.framedByteCount += count
        answers.markReader()
        call.stream?.sent(byteCount: count)
    }

    override func sentAllPending() -> Bool { startWaiting() }

    override func stoppedSending(inChannel byteCount: Int) { countUnread(inChannel: byteCount) }

    func call(_ stream: Int32) -> ServerCall? {
        if let recent, recent.streamID == stream { return recent }
        guard let call = calls[stream] else { return nil }
        recent = call
        return call
    }

    // MARK: life signs

    func tick(_ now: NIODeadline) {
        let configuration = core.configuration
        if unread.reportedByteCount > 0 { countUnread(inChannel: channelByteCount) }
        if let closingSince {
            // It was told; a peer that does not read would keep it for ever.
            if now - closingSince > .seconds(5) { cut() }
        } else if !hasHandshake, now - opened > configuration.handshakeTimeout.timeAmount {
            cut()
        } else if let unwritableSince,
            now - unwritableSince > configuration.stalledWriteTimeout.timeAmount
        {
            cut()
        } else if let sent = pingSent {
            if lastRead > sent {
                pingSent = nil
            } else if now - sent > configuration.keepaliveTimeout.timeAmount {
                cut()
            }
        } else if hasHandshake, now - lastRead > configuration.keepaliveInterval.timeAmount {
            pingSent = now
            nghttp2_submit_ping(session, HTTP2.none, nil)
            sendPending()
        }
        if case .announced(let since) = draining, now - since > Self.drainPingTimeout {
            finishDraining()
        }
        if calls.isEmpty, lastTickWasIdle { releaseSpareMemory() }
        lastTickWasIdle = calls.isEmpty
    }

    // MARK: draining

    /// Tells the client to open no more streams. What it sent before it reads that is still served.
    func beginDraining() {
        guard case .no = draining, let session else { return }
        draining = .announced(.now())
        nghttp2_submit_shutdown_notice(session)
        Self.drainPing.withUnsafeBufferPointer {
            _ = nghttp2_submit_ping(session, HTTP2.none, $0.baseAddress)
        }
        sendPending()
    }

    private func finishDraining() {
        guard case .announced = draining, let session else { return }
        draining = .final
        nghttp2_submit_goaway(
            session, HTTP2.none, nghttp2_session_get_last_proc_stream_id(session), HTTP2.noError,
            nil, 0)
        sendPending()  // or, inside of a callback, when the read is over
    }
}
