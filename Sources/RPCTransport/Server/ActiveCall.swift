import NIOCore

/// A call whose HTTP/2 stream is open: the event loop's view of it. Event loop only.
///
///     opening ─► receiving ─► waiting ─► running ─► sending ─► closed
///                                   │    ▲     │      ▲
///                                   │    └─────┘      │
///                     │             └─► streaming ────┤
///                     └─► conversing ─────────────────┘
///
/// In every state a request may be refused, expire or be cancelled: it then moves to `sending` or `closed`. A worker
/// that has the call's request knows nothing of this object's state: it has a `ServerCall`, and its answer is dropped
/// if the state accepts none.
final class ActiveCall {
    enum State: ~Copyable {
        /// The headers are being read.
        case opening
        /// The message is being read.
        case receiving(IncomingRequest)
        /// The request is complete, and waits for its turn or for room.
        case waiting(ServerCall)
        /// A handler has the request.
        case running(ServerCall)
        /// A handler sends messages.
        case streaming(ServerCall, ServerStream, OutgoingBody)
        /// The client asks questions, which are answered one by one.
        case conversing(ServerCall, Conversation, OutgoingBody)
        /// The answer is being sent.
        case sending(OutgoingBody)
        /// The HTTP/2 stream is closed.
        case closed
    }

    let connection: ServerConnection
    let streamID: Int32
    /// The time at which the call began, for the observer.
    var began = NIODeadline.uptimeNanoseconds(0)
    var method: RPCMethod?
    var receivedMessageCount = 0
    var sentMessageCount = 0
    private(set) var state = State.opening
    /// Whether the client has ended its side of the stream.
    var hasRequestEnded = false
    /// The number of successive DATA frames that were empty or had only padding.
    private var emptyFrameCount = 0
    /// The generation in which the call was started, see `StartLimit`; nil if it does not count.
    var generation: Int?

    init(_ connection: ServerConnection, streamID: Int32) {
        self.connection = connection
        self.streamID = streamID
    }

    /// Moves the state out and leaves `closed`; the caller makes the next state from it and sets it.
    func takeState() -> State { exchange(&state, with: .closed) }

    /// Sets the state. Inlined, since a caller that knows the new case stores only the fields of that case.
    @inline(__always)
    func set(_ state: consuming State) { self.state = state }

    /// Notes a DATA frame of the request with `byteCount` bytes; returns how many frames in a row were empty. nghttp2
    /// does not limit such frames, and each costs as much as any other.
    func countFrame(byteCount: Int) -> Int {
        emptyFrameCount = byteCount > 0 ? 0 : emptyFrameCount + 1
        return emptyFrameCount
    }

    // MARK: looking

    /// The state without its data.
    enum Phase { case opening, receiving, waiting, running, streaming, conversing, sending, closed }

    var phase: Phase {
        switch state {
        case .opening: .opening
        case .receiving: .receiving
        case .waiting: .waiting
        case .running: .running
        case .streaming: .streaming
        case .conversing: .conversing
        case .sending: .sending
        case .closed: .closed
        }
    }

    /// The call that a handler has or will have.
    var serverCall: ServerCall? {
        switch state {
        case .waiting(let call): call
        case .running(let call): call
        case .streaming(let call, _, _): call
        case .conversing(let call, _, _): call
        default: nil
        }
    }

    var stream: ServerStream? {
        switch state {
        case .streaming(_, let stream, _): stream
        default: nil
        }
    }

    var conversation: Conversation? {
        switch state {
        case .conversing(_, let conversation, _): conversation
        default: nil
        }
    }

    /// The body of the answer, or of a stream's messages.
    var body: OutgoingBody? {
        switch state {
        case .streaming(_, _, let body): body
        case .conversing(_, _, let body): body
        case .sending(let body): body
        default: nil
        }
    }

    /// The status in the trailers; nil: plain OK.
    var status: Answer.Status? {
        switch state {
        case .streaming(_, _, let body): body.status
        case .sending(let body): body.status
        default: nil
        }
    }

    var deadline: NIODeadline? {
        switch state {
        case .receiving(let request): request.deadline
        default: serverCall?.deadline
        }
    }

    /// Returns whether the call makes no progress until the client sends or reads something.
    func waitsForClient(whichHasUnread hasUnread: Bool) -> Bool {
        switch state {
        case .opening: true
        case .receiving: true
        case .sending: true
        case .closed: true
        case .waiting: hasUnread
        case .running: false
        case .streaming(_, _, let body): body.unsent.count > 0
        case .conversing(_, let conversation, _): !conversation.isWaiting || hasUnread
        }
    }

    /// Whether the call is in `WaitingCalls`, or was when it ended.
    var isWaiting: Bool {
        switch state {
        case .waiting: true
        case .conversing(_, let conversation, _): conversation.isWaiting
        default: false
        }
    }

    /// Whether the client has asked an unanswered question, and has read the previous answer.
    var hasQuestion: Bool {
        switch state {
        case .conversing(_, let conversation, let body):
            conversation.hasNext && body.unsent.count == 0
        default: false
        }
    }

    /// Whether this is a conversation in which nothing is left to answer.
    var isRestingConversation: Bool { conversation.map { !$0.hasNext } ?? false }

    /// Notes the progress of the request. Returns whether less than `byteCount` of it has arrived within `time`, or
    /// whether a conversation has made no progress with what it holds.
    func noteProgress(_ now: NIODeadline, _ byteCount: Int, _ time: TimeAmount) -> Bool {
        if let conversation { return conversation.noteProgress(now, time) }
        guard phase == .receiving, case .receiving(var request) = takeState() else { return false }
        let isSlow = request.noteProgress(now, byteCount, time)
        state = .receiving(request)
        return isSlow
    }

    // MARK: the body of the answer

    /// Returns how much of the body goes into the next DATA frame.
    func nextBody(limit: Int) -> HTTP2Body {
        if let count = unsentByteCount {
            return count <= limit ? .last(count, hasTrailers: true) : .part(limit)
        }
        return nextMessages(limit: limit) ?? .last(0, hasTrailers: false)
    }

    /// The unsent bytes of a complete answer.
    private var unsentByteCount: Int? {
        switch state {
        case .sending(let body): body.unsent.count
        default: nil
        }
    }

    /// Returns nil if the call does not send messages one by one.
    private func nextMessages(limit: Int) -> HTTP2Body? {
        withMessages { body in
            let count = min(body.unsent.count, limit)
            body.isDeferred = count == 0
            return count == 0 ? .later : .part(count)
        }
    }

    /// Changes the unsent body of a stream or a conversation; returns nil if the call is neither.
    private func withMessages<Result>(_ change: (inout OutgoingBody) -> Result) -> Result? {
        switch takeState() {
        case .streaming(let call, let stream, var body):
            let result = change(&body)
            state = .streaming(call, stream, body)
            return result
        case .conversing(let call, let conversation, var body):
            let result = change(&body)
            state = .conversing(call, conversation, body)
            return result
        case let other:
            state = other
            return nil
        }
    }

    /// Appends a message of a stream or a conversation to the unsent body. Returns the state before: whether the
    /// headers had yet to be submitted, and whether nghttp2 waits; nil if the call is neither.
    func append(_ message: [UInt8]) -> (lacksHeaders: Bool, isDeferred: Bool)? {
        withMessages { body in
            let before = (lacksHeaders: !body.hasHeaders, isDeferred: body.isDeferred)
            body.unsent.append(message)
            body.isDeferred = false
            body.hasHeaders = true
            return before
        }
    }

    /// Moves `count` bytes of the body to `frames`.
    func writeBody(count: Int, to frames: inout ByteBuffer) {
        switch takeState() {
        case .streaming(let call, let stream, var body):
            body.unsent.move(count, to: &frames)
            state = .streaming(call, stream, body)
            stream.sent(byteCount: count)
        case .conversing(let call, let conversation, var body):
            body.unsent.move(count, to: &frames)
            state = .conversing(call, conversation, body)
        case .sending(var body):
            body.unsent.move(count, to: &frames)
            state = .sending(body)
        case let other:
            state = other
        }
    }
}

/// The bytes to be sent as DATA, and the status after them.
struct OutgoingBody {
    var unsent = UnsentBytes()
    /// Whether nghttp2 waits until it is told that there is more.
    var isDeferred = false
    /// Whether the headers of the answer were submitted.
    var hasHeaders = false
    /// The status in the trailers; nil: plain OK.
    var status: Answer.Status?
}

/// Replaces the value of a variable and returns the old one.
private func exchange<Value: ~Copyable>(
    _ variable: inout Value, with value: consuming Value
) -> Value {
    let old = variable
    variable = value
    return old
}
