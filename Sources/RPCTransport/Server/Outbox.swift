import CNghttp2
import NIOCore

/// Passes a connection's answers to nghttp2, and counts the bytes that the client has not read. Event loop
/// only.
struct Outbox: ~Copyable {
    /// Set while there is a session.
    private var frames: ResponseFrames?
    /// Bytes of answers and stream messages that are not framed yet.
    private(set) var unsentByteCount = 0
    /// Calls that are answered and whose streams are open.
    private var answeredCount = 0
    private(set) var unread: UnreadAnswers

    init(_ account: ConnectionAccount) { unread = UnreadAnswers(account) }

    mutating func open(_ frames: ResponseFrames) { self.frames = frames }

    /// Drops answers from now on: the session has ended.
    mutating func close() { frames = nil }

    // MARK: answers come

    /// Takes over the reservation of an answer; the answer now counts as unread.
    mutating func takeRoom(_ room: consuming Reservation, for answer: borrowing Answer) {
        room.set(to: answer.message?.count ?? 0)
        unread.room.absorb(room)
    }

    /// Sends the answer of a call. Returns false if the call's stream is closed or already answered.
    mutating func put(_ answer: consuming Answer, for active: ActiveCall) -> Bool {
        switch active.takeState() {
        case .closed:
            return false
        case .sending(let body):
            active.set(.sending(body))
            return false
        case .streaming(_, let stream, let body):
            stream.end()
            put(answer.status ?? .ok, behind: body, of: active)
        case .conversing(_, _, let body):
            put(answer.status ?? .ok, behind: body, of: active)
        default:
            if let message = answer.message.take() {
                put(message, answer.status, for: active)
            } else {
                put(answer.status ?? .ok, for: active)
            }
        }
        return true
    }

    private mutating func put(
        _ message: consuming [UInt8], _ status: Answer.Status?, for active: ActiveCall
    ) {
        unsentByteCount += message.count
        beginSending(
            OutgoingBody(unsent: UnsentBytes(message), hasHeaders: true, status: status), of: active
        )
        frames?.submitHeaders(status?.headers ?? Metadata(), stream: active.streamID)
    }

    private mutating func put(_ status: Answer.Status, for active: ActiveCall) {
        beginSending(OutgoingBody(hasHeaders: true), of: active)
        frames?.submitStatus(status, stream: active.streamID)
    }

    /// Sends a status after the messages of a stream or a conversation.
    private mutating func put(
        _ status: Answer.Status, behind messages: OutgoingBody, of active: ActiveCall
    ) {
        guard messages.hasHeaders else { return put(status, for: active) }
        var body = messages
        body.status = status
        beginSending(body, of: active)
        if messages.isDeferred { resume(active) }
    }

    private mutating func beginSending(_ body: consuming OutgoingBody, of active: ActiveCall) {
        answeredCount += 1
        active.set(.sending(body))
    }

    /// Sends a message of a stream or a conversation.
    mutating func putPart(_ message: [UInt8], of active: ActiveCall) {
        guard let before = active.append(message) else { return }
        let byteCount = message.count
        unsentByteCount += byteCount
        unread.room.set(to: unread.room.byteCount + byteCount)
        active.stream?.releaseRoom(byteCount)
        if before.lacksHeaders {
            frames?.submitHeaders(
                active.stream?.headers ?? Metadata(), stream: active.streamID)
        } else if before.isDeferred {
            resume(active)
        }
    }

    /// Ends a stream or a conversation whose messages wait for the client to read: drops them and sends the trailers,
    /// which no flow control window delays. Returns false if no message waits.
    ///
    /// A reset would not state the reason: clients report one as "cancelled" unless the deadline has passed by their
    /// own clock, too.
    mutating func endStreamThatWaits(of active: ActiveCall, _ status: Answer.Status) -> Bool {
        guard active.phase == .streaming || active.phase == .conversing, var body = active.body,
            body.unsent.count > 0
        else { return false }
        active.stream?.end()
        drop(messages: body)
        body.unsent = UnsentBytes()
        body.status = status
        beginSending(body, of: active)
        frames?.submitTrailers(status, stream: active.streamID)
        return true
    }

    private func resume(_ active: ActiveCall) {
        guard let frames else { return }
        nghttp2_session_resume_data(frames.session, active.streamID)
    }

    // MARK: frames leave

    func nextBody(of call: ActiveCall, limit: Int) -> HTTP2Body {
        let next = call.nextBody(limit: limit)
        if case .last(_, true) = next {
            frames?.submitTrailers(call.status, stream: call.streamID)
        }
        return next
    }

    mutating func writeBody(of call: ActiveCall, count: Int, to frames: inout ByteBuffer) {
        call.writeBody(count: count, to: &frames)
        unsentByteCount -= count
        unread.framedByteCount += count
    }

    /// Forgets the answer of a call whose HTTP/2 stream is closed.
    mutating func drop(answer body: OutgoingBody) {
        unsentByteCount -= body.unsent.count
        answeredCount -= 1
    }

    /// Forgets the messages of a call whose HTTP/2 stream is closed.
    mutating func drop(messages body: OutgoingBody) {
        unsentByteCount -= body.unsent.count
    }

    /// Counts the bytes that the client has not read, after everything was sent that can be.
    ///
    /// - Parameter queued: bytes in frames that wait for the socket.
    mutating func count(queued: Int) {
        let unsent = unsentByteCount + answeredCount * Admission.answeredCallByteCount
        unread.count(unsent: unsent, queued: queued)
    }
}
