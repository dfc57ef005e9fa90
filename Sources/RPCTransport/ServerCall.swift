public import NIOCore
public import SwiftProtobuf
import Synchronization

/// One call on the server, from the first header to the last trailer: what a unary handler answers
/// through.
///
/// It is answered exactly once, from any thread: by `reply` or `fail`, or by the transport when the
/// client cancels or the deadline passes. Whatever comes after the first answer is dropped, so a
/// handler need not look.
// Unchecked: the event loop alone touches the fields under "event loop". Those under "request" are
// written by it before the call is handed to a worker or task through a lock, and never again.
// `answer` is written by the one thread that wins `isClaimed`, before it hands the call to the loop
// through a lock, from when on it is the loop's. The rest is atomic or locked.
public final class ServerCall: @unchecked Sendable {
    // MARK: request

    let connection: ServerConnection
    let streamID: Int32
    @exclusivity(unchecked) var registered: RPCMethod?
    var unknownPath = ""
    let began: NIODeadline
    /// The request's bytes, without prefix once it is complete; whoever runs the handler takes
    /// them.
    @exclusivity(unchecked) var message = ByteBuffer()
    /// What the client sent beside the headers of HTTP/2 and gRPC.
    @exclusivity(unchecked) public internal(set) var metadata = Metadata()
    /// When the client stops waiting; the transport then answers DEADLINE_EXCEEDED.
    @exclusivity(unchecked) public internal(set) var deadline: NIODeadline?

    // MARK: event loop

    @exclusivity(unchecked) var request = ServerRequest()
    @exclusivity(unchecked) var progress = Progress.receiving
    /// Room that the answer needs before it may be made, if it is known to be large.
    @exclusivity(unchecked) var neededByteCount = 0
    /// The connection's generation in which it was started, see `ServerConnection.youngCount`.
    @exclusivity(unchecked) var generation = -1
    /// The part of the answer that is not framed yet.
    @exclusivity(unchecked) var unsent = ByteBuffer()
    /// Whether `answer` follows `unsent` as trailers; not while a stream may go on.
    @exclusivity(unchecked) var isEnding = false
    /// nghttp2 waits until it is told that a stream has more to send.
    @exclusivity(unchecked) var isDeferred = false
    @exclusivity(unchecked) var sentHeaders = false
    @exclusivity(unchecked) var stream: ServerStream?

    // MARK: any thread

    /// What makes the answer once there is room for it, see `answerLarge`. Goes with the call from
    /// the worker to the loop and on to a blocking thread.
    @exclusivity(unchecked) var largeBody: (@Sendable (ServerCall) -> Void)?
    /// Room that was reserved for the answer. Whoever takes it out owes it to the account.
    private let reserved = Atomic<Int>(0)
    /// Bytes of the answer that the account has counted; written with `answer`.
    @exclusivity(unchecked) var chargedByteCount = 0
    /// Written before `answer`, see `noteEffect`.
    @exclusivity(unchecked) private(set) var hasTakenEffect = false
    private let isClaimed = Atomic<Bool>(false)
    private let cancelled = Atomic<Bool>(false)
    /// Guarded by `onCancelled`.
    private var isOver = false
    private let onCancelled = Mutex<[@Sendable () -> Void]>([])
    @exclusivity(unchecked) private(set) var answer = Answer()

    /// What becomes of a call.
    enum Progress {
        /// Its request is not complete.
        case receiving
        /// Its request waits until earlier answers have left.
        case waiting
        /// A handler has it.
        case running
        /// Its answer was submitted.
        case answered
        /// Its HTTP/2 stream is closed.
        case closed
    }

    struct Answer {
        /// The message behind its prefix; nil when there is none, or of a stream.
        var message: ByteBuffer?
        /// Whatever else than OK and a message there is to say. Apart, since it costs every call to
        /// make and destroy what few calls need.
        private(set) var status: Status?

        init() {}

        init(message: ByteBuffer) { self.message = message }

        init(
            message: ByteBuffer? = nil, code: StatusCode = .ok, text: String = "",
            headers: Metadata = [:], trailers: Metadata = [:], httpStatus: Int? = nil,
            namesEncodings: Bool = false
        ) {
            self.message = message
            status = Status(
                code: code, text: text, headers: headers, trailers: trailers,
                httpStatus: httpStatus, namesEncodings: namesEncodings)
        }

        var code: StatusCode { status?.code ?? .ok }
        var headers: Metadata { status?.headers ?? [:] }
    }

    final class Status: Sendable {
        let code: StatusCode
        let text: String
        let headers: Metadata
        let trailers: Metadata
        /// An HTTP status other than 200, for requests that are not gRPC.
        let httpStatus: Int?
        /// Whether to say which message encodings are understood.
        let namesEncodings: Bool

        init(
            code: StatusCode, text: String, headers: Metadata, trailers: Metadata,
            httpStatus: Int?, namesEncodings: Bool
        ) {
            self.code = code
            self.text = text
            self.headers = headers
            self.trailers = trailers
            self.httpStatus = httpStatus
            self.namesEncodings = namesEncodings
        }

        /// OK, and nothing to add.
        static let ok = Status(
            code: .ok, text: "", headers: [:], trailers: [:], httpStatus: nil,
            namesEncodings: false)
    }

    init(connection: ServerConnection, streamID: Int32, began: NIODeadline) {
        self.connection = connection
        self.streamID = streamID
        self.began = began
    }

    /// The path of the method, `/package.Service/Method`.
    public var method: String { registered?.path ?? unknownPath }

    /// Where the client is, such as `127.0.0.1:40112`.
    public var peerAddress: String { connection.peerAddress }

    /// Whether the client cancelled, went away, or let the deadline pass: nobody waits for the
    /// answer.
    public var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    var isAnswered: Bool { isClaimed.load(ordering: .acquiring) }

    /// Runs once when the call is cancelled (see `isCancelled`) before it is answered; at once if
    /// it is already. On an event loop: it must not block.
    public func onCancel(_ body: @escaping @Sendable () -> Void) {
        let runNow = onCancelled.withLock { bodies in
            if isCancelled { return true }
            if !isOver { bodies.append(body) }
            return false
        }
        if runNow { body() }
    }

    // MARK: answering

    /// Answers OK with that message, which is serialised on the calling thread.
    public func reply<Answer: SwiftProtobuf.Message>(
        _ message: Answer, headers: Metadata = [:], trailers: Metadata = [:]
    ) {
        guard !isAnswered else { return }
        do {
            let framed: FramedBytes = try message.serializedBytes()
            reply(framed, headers: headers, trailers: trailers)
        } catch {
            fail(.internalError, "cannot encode the answer: \(error)")
        }
    }

    /// Answers OK with a message that is serialised already.
    public func reply(
        _ message: FramedBytes, headers: Metadata = [:], trailers: Metadata = [:]
    ) {
        if headers.isEmpty, trailers.isEmpty {
            finish(Answer(message: message.buffer))
        } else {
            finish(Answer(message: message.buffer, headers: headers, trailers: trailers))
        }
    }

    /// Answers with a status and no message. The text is for a person; beyond 4,096 bytes it is
    /// cut.
    public func fail(
        _ code: StatusCode, _ message: String, headers: Metadata = [:], trailers: Metadata = [:]
    ) {
        finish(.init(code: code, text: message, headers: headers, trailers: trailers))
    }

    /// Answers with the error's status, headers and trailers.
    public func fail(_ error: RPCError) {
        fail(error.code, error.message, headers: error.headers, trailers: error.trailers)
    }

    /// Goes on with a large answer elsewhere: on a blocking thread, as soon as there is room for
    /// that many bytes beside the answers that wait for their readers.
    ///
    /// For a handler that learns how large its answer will be before it makes it. Neither the
    /// worker's thread, which others wait for, nor memory is then taken by what a client may never
    /// read. Called once, as the last thing that the handler does; `body` answers the call, and is
    /// dropped when nobody waits any more.
    public func answerLarge(
        byteCount: Int, _ body: @escaping @Sendable (ServerCall) -> Void
    ) {
        largeBody = body
        connection.loop.post(self, needing: byteCount)
    }

    func finish(_ answer: Answer) {
        guard claim() else { return }
        self.answer = answer
        charge()
        connection.loop.deliver(self)
    }

    /// Counts the answer where it is made. Without room it is made in vain: only a status is sent.
    private func charge() {
        let byteCount = answer.message?.readableBytes ?? 0
        let reserved = takeReservation()
        if reserved > 0 {
            chargedByteCount = byteCount
            connection.answers.add(byteCount - reserved)
        } else if byteCount >= AnswerBudget.largeByteCount {
            if connection.answers.take(byteCount) {
                chargedByteCount = byteCount
            } else {
                answer = droppedAnswer(
                    "the server holds too many bytes of answers that are not read")
            }
        }
    }

    /// Says that what the call asks for has been done, so that no client does it again: if there is
    /// no room for the answer, the status is INTERNAL instead of RESOURCE_EXHAUSTED, which says that
    /// nothing was done. Called before `reply`, by the same thread or by one that hands the call to
    /// it through a lock.
    public func noteEffect() { hasTakenEffect = true }

    /// What is sent instead of an answer for which there is no room.
    func droppedAnswer(_ reason: String) -> Answer {
        guard hasTakenEffect else { return Answer(code: .resourceExhausted, text: reason) }
        return Answer(
            code: .internalError,
            text: "the call was carried out, but its answer cannot be sent: \(reason)")
    }

    func setReservation(_ byteCount: Int) { reserved.store(byteCount, ordering: .releasing) }

    private func takeReservation() -> Int {
        guard reserved.load(ordering: .relaxed) != 0 else { return 0 }
        return reserved.exchange(0, ordering: .acquiringAndReleasing)
    }

    /// Gives back the room of an answer that nobody waits for, or that will be counted as it comes.
    func releaseReservation() { connection.answers.add(-takeReservation()) }

    /// Gives back what an answer was counted as, of one that will not be sent.
    func releaseCharge() {
        connection.answers.add(-chargedByteCount)
        chargedByteCount = 0
    }

    /// Takes the right to answer; true for one caller only.
    private func claim() -> Bool {
        !isClaimed.exchange(true, ordering: .acquiringAndReleasing)
    }

    /// On the event loop, for what the transport answers itself. Returns whether the call was
    /// unanswered.
    func claim(with answer: Answer) -> Bool {
        guard claim() else { return false }
        self.answer = answer
        return true
    }

    /// On the event loop, for an answer that cannot be sent.
    func replaceAnswer(_ answer: Answer) { self.answer = answer }

    /// On the event loop: it was answered and its stream is closed. What `onCancel` was given may hold
    /// the call itself.
    func forgetCancelHandlers() {
        onCancelled.withLock { bodies in
            isOver = true
            bodies = []
        }
    }

    /// On the event loop: nobody waits any more.
    func cancel() {
        cancelled.store(true, ordering: .releasing)
        let bodies = onCancelled.withLock { bodies in
            defer { bodies = [] }
            return bodies
        }
        for body in bodies { body() }
        stream?.cancel()
    }

    /// Runs on a worker thread: the handler, or what it left to be done when there is room. A
    /// request whose client has too much to read already goes back to its connection.
    func runOnWorker() {
        if let body = largeBody {
            largeBody = nil
            if !isAnswered, !isCancelled { body(self) }
            releaseReservation()
        } else if !connection.answers.mayGoOn {
            connection.loop.handBack(self)
        } else if case .unary(_, let handler)? = registered?.handler {
            run(handler)
        }
    }

    /// Runs the handler on the calling thread, unless nobody waits for it.
    func run(_ handler: @Sendable (ByteBuffer, ServerCall) -> Void) {
        guard !isAnswered, !isCancelled else { return }
        handler(takeMessage(), self)
    }

    /// What a handler decodes owns its bytes, so they need not stay as long as the call.
    func takeMessage() -> ByteBuffer {
        let taken = message
        message = ByteBuffer()
        return taken
    }
}

/// What the event loop knows of a call's request.
struct ServerRequest {
    /// From the prefix.
    var messageByteCount: Int?
    /// Bytes that the connection accounts for.
    var countedByteCount = 0
    var headerByteCount = 0
    var isPost = false
    var isGRPC = false
    var encoding: String?
    var hasBadTimeout = false
    var isComplete = false
    /// To see whether a DATA frame carried anything: its bytes may be padding.
    var byteCountAtLastFrame = 0
    /// DATA frames in a row that carried nothing.
    var emptyFrames = 0
}
