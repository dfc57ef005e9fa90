import CNghttp2
import NIOCore
import Synchronization

/// A client's connection on the server: turns HTTP/2 streams into calls. Event loop only.
///
/// If a client does not read, its requests wait here, so that their answers need no memory. A worker checks again
/// before it starts a request, since other answers may have turned out large meanwhile, and returns it. Large answers,
/// and every stream, wait until room is reserved for them.
///
/// Conversations are in `ServerConnection+Conversations`; checks that concern the whole connection, such as whether the
/// client is alive, in `ServerConnection+Upkeep`.
final class ServerConnection: HTTP2Delegate {
    /// A stream that has sent nothing for this long releases its room, so that others do not wait for it.
    private static let streamPatience = TimeAmount.seconds(1)
    /// Bytes that are sent without waiting for a turn: sending them takes about 10 µs.
    private static let smallSending = 16 << 10

    let origin: ConnectionOrigin
    let loop: ServerLoop
    let core: ServerCore
    let http2: HTTP2Connection
    private let observer: (any RPCServer.CallObserver)?
    var outbox: Outbox

    var calls = OpenCalls()
    private let headers: RequestHeaders
    /// Whether a request's header fields are being read; false in trailers.
    private var isReadingHeaders = false

    var waiting = WaitingCalls()
    private var startLimit = StartLimit()
    private var limits: FrameLimits
    /// Resets of streams that the server itself has caused.
    private var ownResetCount = 0
    private var alarm = DeadlineAlarm()

    /// Whether the connection is on the loop's list of connections to check again.
    var isAwaitingRoom = false
    /// Whether the connection is on the loop's list of connections to flush.
    var isTouched = false

    var progress = ClientProgress()
    var lifeSigns = LifeSigns()
    var draining = Draining()

    init(loop: ServerLoop, http2: HTTP2Connection, peer: PeerAddress, lane: Int) {
        self.loop = loop
        self.http2 = http2
        core = loop.core
        observer = core.configuration.observer?(peer.host)
        headers = RequestHeaders(
            methods: core.methods, limit: core.configuration.maxHeaderByteCount)
        let account = ConnectionAccount(core.account)
        origin = ConnectionOrigin(
            peer: peer, mailbox: loop.mailbox, account: account, lane: lane)
        outbox = Outbox(account)
        limits = FrameLimits(core.configuration)
    }

    // MARK: session

    func makeSession(user: UnsafeMutableRawPointer) -> OpaquePointer? {
        guard let session = core.makeSession(user: user) else { return nil }
        outbox.open(ResponseFrames(session: session, core: core))
        loop.add(self)
        if core.isDraining.load(ordering: .acquiring) {
            let connection = NIOLoopBound(self, eventLoop: loop.eventLoop)
            loop.eventLoop.execute { connection.value.beginDraining() }
        }
        return session
    }

    func connectionEnded(_ error: (any Error)?) {
        loop.remove(self)
        alarm.cancel()
        outbox.close()
        for call in calls.removeAll() { close(call) }
        waiting.removeAll()
        outbox.count(queued: 0)
    }

    func sendPending() { http2.sendPending() }

    /// Sends answers: small ones now, large ones when the loop has time for them.
    func sendAnswers() {
        if outbox.unsentByteCount <= Self.smallSending {
            sendPending()
        } else if !loop.turns.runNow({ sendPending() }) {
            http2.sendInTurn()
        }
    }

    func cut() { http2.cut() }
    func terminate(_ http2Error: UInt32) { http2.terminate(http2Error) }

    // MARK: frames that arrived

    func beganHeaders(stream: Int32, category: nghttp2_headers_category) {
        isReadingHeaders = category == NGHTTP2_HCAT_REQUEST
        progress.noteMove()
        guard isReadingHeaders else { return }
        let call = ActiveCall(self, streamID: stream)
        calls.add(call)
        headers.begin()
    }

    func receivedHeader(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        if isReadingHeaders { headers.read(name, value) }
    }

    func receivedData(stream: Int32, bytes: UnsafeRawBufferPointer) {
        progress.noteMove()
        guard let call = calls.find(stream), !call.hasRequestEnded else { return }
        if call.phase == .conversing { return receivedQuestions(bytes, of: call) }
        guard call.phase == .receiving, case .receiving(var request) = call.takeState() else {
            return
        }
        let limit = core.configuration.maxReceiveMessageByteCount
        let refusal = request.append(bytes, limit: limit)
        call.set(.receiving(request))
        if let refusal { send(refusal, for: call) }
    }

    func receivedFrame(_ header: nghttp2_frame_hd, _ frame: UnsafePointer<nghttp2_frame>) {
        if !limits.take(header) { endCalmly() }
        switch header.type {
        case HTTP2.headers, HTTP2.data:
            guard let call = calls.find(header.stream_id) else { return }
            if header.type == HTTP2.data {
                let byteCount = header.length - frame.pointee.data.padlen
                if call.countFrame(byteCount: byteCount) > core.configuration.maxEmptyFrames {
                    endCalmly()
                }
            } else if isReadingHeaders {
                isReadingHeaders = false
                finishHeaders(of: call)
            }
            if header.flags & HTTP2.endStream != 0 { finishRequest(of: call) }
        case HTTP2.settings where header.flags & HTTP2.ack == 0:
            progress.noteHandshake()
        case HTTP2.ping where header.flags & HTTP2.ack != 0:
            if Draining.isAnswer(frame.pointee.ping) { finishDraining() }
        default:
            break
        }
    }

    func closedStream(_ stream: Int32, http2Error: UInt32) {
        progress.noteMove()
        if let call = calls.remove(stream) { close(call) }
    }

    // MARK: requests

    private func finishHeaders(of call: ActiveCall) {
        if let observer { begin(observing: call, observer) }
        var room = Reservation(.requests, of: origin.account)
        if let refusal = headers.refusal() {
            send(refusal, for: call)
        } else if let method = headers.method,
            room.growRequest(
                by: headers.byteCount + Admission.callByteCount)
        {
            let request = IncomingRequest(headers, method, room: room)
            if method.isConversation {
                beginConversation(request, of: call)
            } else {
                call.set(.receiving(request))
            }
            if let deadline = headers.deadline { setAlarm(deadline) }
        } else {
            send(.noRoomForRequests, for: call)
        }
    }

    private func begin(observing call: ActiveCall, _ observer: any RPCServer.CallObserver) {
        call.began = http2.lastRead
        guard let method = headers.method else { return }
        call.method = method
        observer.began(method)
    }

    private func finishRequest(of call: ActiveCall) {
        call.hasRequestEnded = true
        if call.phase == .conversing { return endConversation(ofRequestsEnded: call) }
        guard call.phase == .receiving, case .receiving(let request) = call.takeState() else {
            return
        }
        if let refusal = request.refusalAtEnd() {
            call.set(.receiving(request))
            send(refusal, for: call)
            return
        }
        call.receivedMessageCount = 1
        let method = request.method
        call.set(
            .waiting(
                ServerCall(
                    request, method, origin: origin,
                    active: NIOLoopBound(call, eventLoop: loop.eventLoop))))
        if !waiting.hasForTurn, mayStart { start(call) } else { waiting.append(call) }
    }

    /// Ends the connection after the current callback has returned.
    private func endCalmly() {
        guard let session = http2.session else { return }
        nghttp2_session_terminate_session(session, HTTP2.enhanceYourCalm)
    }

    // MARK: starting

    /// Whether another request may start: the unsent bytes, and the expected answers of the calls that have just
    /// started, are within the limit.
    var mayStart: Bool {
        let account = origin.account
        return account.mayGoOn
            && startLimit.allowsStart(
                unsentByteCount: outbox.unsentByteCount, limit: account.currentAnswerLimit)
    }

    private func start(_ active: ActiveCall) {
        if active.phase == .conversing { return answerQuestion(of: active) }
        guard let call = active.serverCall else { return }
        guard let execution = call.registered.execution else {
            return waiting.append(.stream(call))
        }
        active.set(.running(call))
        startLimit.started(active)
        if execution == .eventLoop {
            call.run()
        } else {
            loop.enqueue(.init(call: call), for: execution)
        }
    }

    /// Queues a request again that a worker did not start, since its client has too much to read.
    func takeBack(_ call: ServerCall) {
        let active = call.active.value
        guard active.phase == .running else { return }
        startLimit.ended(active)
        active.set(.waiting(call))
        waiting.append(active)
    }

    /// Queues something that needs room; `sendPending` starts it by `startWaiting`.
    func awaitRoom(_ request: WaitingCalls.RoomRequest) {
        let active = request.call.active.value
        guard !request.isOver, active.phase != .closed else { return }
        if case .answer = request {
            guard active.phase == .running else { return }
            startLimit.ended(active)
            active.set(.waiting(request.call))
        }
        waiting.append(request)
    }

    /// Starts requests that waited; returns whether it started any.
    private func startWaiting() -> Bool {
        var hasStarted = false
        while waiting.hasForTurn, mayStart {
            hasStarted = true
            if let call = waiting.takeForTurn() { start(call) }
        }
        while let request = waiting.firstForRoom(),
            let room = origin.account.reserveAnswer(request.byteCount)
        {
            hasStarted = true
            waiting.removeFirstForRoom()
            goOn(request, room)
        }
        // Other connections, or only time, may make room for them.
        if !waiting.isEmpty { loop.awaitRoom(self) }
        return hasStarted
    }

    private func goOn(_ request: WaitingCalls.RoomRequest, _ room: consuming Reservation) {
        let active = request.call.active.value
        switch request {
        case .answer(let call, _, let body):
            call.grant(room)
            active.set(.running(call))
            loop.enqueue(.init(call: call, makeAnswer: body), for: .bulk)
        case .stream(let call):
            guard case .serverStreaming(let handler) = call.registered.handler else { return }
            let stream = ServerStream(call, room: room)
            call.attach(stream)
            active.set(.streaming(call, stream, OutgoingBody()))
            loop.eventLoop.scheduleTask(in: Self.streamPatience) { [weak stream] in
                stream?.releaseFirstRoom()
            }
            stream.start(handler)
        case .streamMessage:
            active.stream?.grant(room)
        }
    }

    // MARK: answers

    /// Sends the answer of a handler.
    func submit(_ answer: consuming Answer, of call: ServerCall, _ active: ActiveCall) {
        let room = call.release()
        guard active.serverCall === call else { return }
        if let room { outbox.takeRoom(room, for: answer) }
        send(answer, for: active)
    }

    /// Sends the answer of a call that no handler has, or whose handler has answered.
    func send(_ answer: consuming Answer, for active: ActiveCall) {
        startLimit.ended(active)
        let wasWaiting = active.isWaiting
        let code = answer.code
        let messageByteCount = answer.message?.count
        guard outbox.put(answer, for: active) else { return }
        if let messageByteCount {
            active.sentMessageCount += 1
            startLimit.note(answerByteCount: messageByteCount)
        }
        if wasWaiting { waiting.noteOver() }
        observe(active, code)
    }

    /// Sends an error without waiting for messages that the client has not read: those are dropped.
    func sendAhead(_ answer: Answer, for active: ActiveCall) {
        if answer.code != .ok, let status = answer.status,
            outbox.endStreamThatWaits(of: active, status)
        {
            observe(active, answer.code)
        } else {
            send(answer, for: active)
        }
    }

    /// Sends a message of a stream.
    func submitPart(_ message: [UInt8], of call: ServerCall) {
        call.active.value.sentMessageCount += 1
        outbox.putPart(message, of: call.active.value)
    }

    // MARK: frames that leave

    func nextBody(of stream: Int32, limit: Int) -> HTTP2Body {
        guard let call = calls.find(stream) else { return .last(0, hasTrailers: false) }
        return outbox.nextBody(of: call, limit: limit)
    }

    func writeBody(of stream: Int32, count: Int, to frames: inout ByteBuffer) {
        guard let call = calls.find(stream) else {
            preconditionFailure("nghttp2 asks for the body of an unknown stream")
        }
        outbox.writeBody(of: call, count: count, to: &frames)
        if call.phase == .conversing { awaitTurnOfQuestion(of: call) }
        progress.noteMove()
        origin.account.markReader()
    }

    func sentFrame(_ header: nghttp2_frame_hd) {
        if header.type == HTTP2.resetStream {
            countReset()
            return
        }
        guard header.type == HTTP2.headers, header.flags & HTTP2.endStream != 0 else { return }
        guard let call = calls.find(header.stream_id), !call.hasRequestEnded else { return }
        // The answer was sent before the request had ended: ask the client to stop (RFC 9113, section 8.1). If the
        // reset had been submitted earlier, it would have dropped the answer.
        reset(call, HTTP2.noError)
    }

    func couldNotSend(_ header: nghttp2_frame_hd) {
        if header.type == HTTP2.resetStream, ownResetCount > 0 { ownResetCount -= 1 }
    }

    private func reset(_ call: ActiveCall, _ http2Error: UInt32) {
        guard let session = http2.session else { return }
        ownResetCount += 1
        nghttp2_submit_rst_stream(session, HTTP2.none, call.streamID, http2Error)
    }

    /// Counts a reset. Those that the client's mistakes cause count like the client's own.
    private func countReset() {
        if ownResetCount > 0 {
            ownResetCount -= 1
        } else if !limits.takeReset() {
            endCalmly()
        }
    }

    var headerLimit: Int { core.configuration.maxHeaderByteCount }

    /// The request is refused and the connection continues, unless there are many such blocks: nghttp2 has looked at
    /// each decoded byte, and a few bytes on the wire are enough for such a block.
    func tolerateLargeBlock() -> Bool { limits.takeLargeBlock() }

    func blockIsTooLarge() {}  // the GOAWAY tells the client

    /// The frames depend on what the client sends; each answer needs at most three. While there is no room for answers,
    /// requests wait; running calls are still answered, with at most two frames each until the client reads.
    var maxQueuedFrameCount: Int {
        origin.account.mayGoOn ? 4_096 : max(1_024, 2 * calls.count + 256)
    }

    func sentAllPending() -> Bool { startWaiting() }

    func stoppedSending(queuedByteCount: Int) {
        outbox.count(queued: queuedByteCount)
    }

    // MARK: ends

    /// Sets the alarm that ends calls at their deadlines.
    private func setAlarm(_ deadline: NIODeadline) {
        let connection = NIOLoopBound(self, eventLoop: loop.eventLoop)
        alarm.set(deadline, among: calls.count, on: loop.eventLoop) {
            connection.value.endOverdueCalls()
        }
    }

    private func endOverdueCalls() {
        alarm.rang()
        loop.turns.run { self.endOverdueCallsInTurn() }
    }

    private func endOverdueCallsInTurn() {
        let (overdue, next) = calls.overdue(.now())
        var isHeldBack = false
        for call in overdue where !expire(call) { isHeldBack = true }
        if isHeldBack { core.pools.handOverAnswers() }
        if next < .distantFuture { setAlarm(next) }
        sendPending()
    }

    /// Returns false if a worker has answered the call: its answer is on the way.
    private func expire(_ active: ActiveCall) -> Bool {
        let call = active.serverCall
        if let call, !call.claim() { return false }
        sendAhead(Answer(code: .deadlineExceeded, text: "deadline exceeded"), for: active)
        call?.cancel()
        return true
    }

    /// Ends a call whose stream is closed, answered or not.
    private func close(_ active: ActiveCall) {
        startLimit.ended(active)
        let wasWaiting = active.isWaiting
        switch active.takeState() {
        case .closed:
            return
        case .sending(let body):
            outbox.drop(answer: body)
        case .waiting(let call):
            cancel(call, active)
        case .running(let call):
            cancel(call, active)
        case .streaming(let call, _, let body):
            outbox.drop(messages: body)
            cancel(call, active)
        case .conversing(let call, _, let body):
            outbox.drop(messages: body)
            cancel(call, active)
        case .opening:
            observe(active, .cancelled)
        case .receiving:
            observe(active, .cancelled)
        }
        if wasWaiting { waiting.noteOver() }
    }

    private func cancel(_ call: ServerCall, _ active: ActiveCall) {
        _ = call.claim()
        call.cancel()
        observe(active, .cancelled)
    }

    private func observe(_ call: ActiveCall, _ code: StatusCode) {
        guard let observer else { return }
        let hasBegun = call.began > .uptimeNanoseconds(0)
        observer.ended(
            .init(
                method: call.method, code: code,
                duration: hasBegun ? (loop.deliveryTime ?? .now()) - call.began : .zero,
                receivedMessageCount: call.receivedMessageCount,
                sentMessageCount: call.sentMessageCount))
    }
}
