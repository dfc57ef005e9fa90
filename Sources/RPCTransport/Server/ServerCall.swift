public import NIOCore
public import SwiftProtobuf
import Synchronization

/// A call whose request has arrived: a handler uses it to answer.
///
/// It is answered exactly once, from any thread: by `reply` or `fail`, or by the transport when the client cancels or
/// the deadline passes. Later answers are dropped, so a handler need not check.
///
/// The event loop makes it when the request is complete, and moves the request's bytes into it; from then on, an
/// `ActiveCall` is the loop's view of the call. The two sides share no changing state except what is locked or atomic
/// here.
public final class ServerCall: Sendable {
    /// The client's headers except those of HTTP/2 and gRPC.
    public let metadata: Metadata
    /// The time at which the client stops waiting; the transport then answers DEADLINE_EXCEEDED.
    public let deadline: NIODeadline?
    let registered: RPCMethod
    let origin: ConnectionOrigin
    /// The event loop's view of the call.
    let active: NIOLoopBound<ActiveCall>

    /// The resources of the call: freed when the call is freed, if not before.
    private struct Holdings: ~Copyable, Sendable {
        /// The request, until the handler takes it or the call is over.
        var message: ReceivedBytes?
        var requestRoom: Reservation
        var answerRoom: Reservation?
        var cancelHandlers: [@Sendable () -> Void] = []
        var stream: ServerStream?
    }

    private let holdings: Mutex<Holdings>
    private let isClaimed = Atomic<Bool>(false)
    private let cancelled = Atomic<Bool>(false)
    private let hasTakenEffect = Atomic<Bool>(false)

    init(
        _ request: consuming IncomingRequest, _ method: RPCMethod, origin: ConnectionOrigin,
        active: NIOLoopBound<ActiveCall>
    ) {
        metadata = request.metadata
        deadline = request.deadline
        registered = method
        self.origin = origin
        self.active = active
        holdings = Mutex(Holdings(message: request.message, requestRoom: request.room))
    }

    /// The path of the method, `/package.Service/Method`.
    public var method: String { registered.path }

    /// The client's address and port, such as `127.0.0.1:40112`.
    public var peerAddress: String { origin.peerAddress }

    /// The client's address without the port; for IPv6 its network, the first 64 bits, which a customer is given:
    /// `2001:db8:1:2::/64`. Clients are counted by it.
    public var peerHost: String { origin.peer.host }

    /// Whether the client is on this machine, judging by its address: on the loopback network, or in the same process
    /// and not calling for others.
    public var isFromThisMachine: Bool { origin.peer.isLocal }
    /// The certificate that the client has proved to own; nil if the server does not ask for one, and in the same
    /// process.
    public var peerCertificate: PeerCertificate? { origin.peerCertificate }

    /// The number of its connection among the open ones, from 0: for taking turns by connection. The number is reused
    /// after a connection has ended.
    public var lane: Int { origin.lane }

    /// Whether the client cancelled, disconnected, or let the deadline pass: nobody waits for the answer.
    public var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    var isAnswered: Bool { isClaimed.load(ordering: .acquiring) }

    /// Runs `body` once when the call is cancelled (see `isCancelled`) before it is answered; at once if it is already
    /// cancelled. `body` runs on an event loop: it must not block.
    public func onCancel(_ body: @escaping @Sendable () -> Void) {
        let runNow = holdings.withLock { holdings in
            if isCancelled { return true }
            if !isAnswered { holdings.cancelHandlers.append(body) }
            return false
        }
        if runNow { body() }
    }

    // MARK: answering

    /// Answers OK with a message, which is serialised on the calling thread.
    public func reply(
        _ message: some SwiftProtobuf.Message, headers: Metadata = Metadata(),
        trailers: Metadata = Metadata()
    ) {
        guard !isAnswered else { return }
        do {
            let framed: FramedBytes = try message.serializedBytes()
            reply(framed, headers: headers, trailers: trailers)
        } catch {
            fail(.internalError, "cannot encode the answer: \(error)")
        }
    }

    /// Answers OK with a serialised message.
    public func reply(
        _ message: FramedBytes, headers: Metadata = Metadata(), trailers: Metadata = Metadata()
    ) {
        if headers.isEmpty, trailers.isEmpty {
            finish(Answer(message: message.bytes))
        } else {
            finish(Answer(message: message.bytes, headers: headers, trailers: trailers))
        }
    }

    /// Answers with a status and no message. The text is for a person; it is cut after 4,096 bytes.
    public func fail(
        _ code: StatusCode, _ message: String, headers: Metadata = Metadata(),
        trailers: Metadata = Metadata()
    ) {
        finish(Answer(code: code, text: message, headers: headers, trailers: trailers))
    }

    /// Answers with the error's status, headers and trailers.
    public func fail(_ error: RPCError) {
        fail(error.code, error.message, headers: error.headers, trailers: error.trailers)
    }

    /// Continues a large answer elsewhere: on a thread that may block, as soon as there is room for `byteCount` bytes
    /// in addition to the answers that wait for their clients.
    ///
    /// For a handler that knows the size of its answer before it makes it. An answer that a client may never read
    /// then takes neither memory nor the worker's thread, which others wait for. Call it once, as the last action of
    /// the handler; `body` answers the call, and is dropped if nobody waits any more.
    public func answerLarge(
        byteCount: Int, _ body: @escaping @Sendable (ServerCall) -> Void
    ) {
        origin.mailbox.post(.needsRoom(self, max(1, byteCount), body))
    }

    /// Notes that the request was carried out, so that no client sends it again: if there is no room for the answer,
    /// the status is INTERNAL instead of RESOURCE_EXHAUSTED, which says that nothing was done. Call it before `reply`,
    /// on the same thread or on one that passes the call to it through a lock.
    public func noteEffect() { hasTakenEffect.store(true, ordering: .releasing) }

    private func finish(_ answer: consuming Answer) {
        guard claim() else { return }
        let byteCount = answer.message?.count ?? 0
        if byteCount >= Admission.largeAnswerByteCount, !takeRoom(forAnswerOf: byteCount) {
            answer = droppedAnswer(
                "the server holds too many bytes of answers that are not read")
        }
        origin.mailbox.deliver(self, answer)
    }

    /// Reserves room for a large answer that was made; returns false if there is none.
    private func takeRoom(forAnswerOf byteCount: Int) -> Bool {
        holdings.withLock { holdings in
            if holdings.answerRoom != nil {
                holdings.answerRoom?.set(to: byteCount)
            } else {
                holdings.answerRoom = origin.account.admitAnswer(byteCount)
            }
            return holdings.answerRoom != nil
        }
    }

    /// Returns the answer to send instead of one for which there is no room.
    func droppedAnswer(_ reason: String) -> Answer {
        guard hasTakenEffect.load(ordering: .acquiring) else {
            return Answer(code: .resourceExhausted, text: reason)
        }
        return Answer(
            code: .internalError,
            text: "the call was carried out, but its answer cannot be sent: \(reason)")
    }

    /// Takes the right to answer; returns true for one caller only.
    func claim() -> Bool { !isClaimed.exchange(true, ordering: .acquiringAndReleasing) }

    // MARK: the request

    /// Runs the handler on the calling thread, unless the call is over.
    func run() {
        guard case .unary(_, let handler) = registered.handler, !isAnswered, !isCancelled,
            let message = takeMessage()
        else { return }
        handler(message, self)
    }

    /// Takes the request's bytes out: the caller is then their only owner. Returns nil if they were already taken or
    /// freed.
    func takeMessage() -> ReceivedBytes? { holdings.withLock { $0.message.take() } }

    /// Counts the memory that decoding the request will add; returns false if there is no room.
    func reserveDecoded(_ byteCount: Int) -> Bool {
        holdings.withLock { $0.requestRoom.growRequest(by: byteCount) }
    }

    /// Counts only the decoded request from now on: its bytes are freed.
    func noteDecoded(_ byteCount: Int) {
        holdings.withLock { holdings in
            // The room is 0 if the call was answered meanwhile.
            let needed = metadata.byteCount + Admission.callByteCount + byteCount
            holdings.requestRoom.set(to: min(needed, holdings.requestRoom.byteCount))
        }
    }

    // MARK: from the event loop

    /// Adds room for the answer, or for a message of the stream.
    func grant(_ room: consuming Reservation) {
        var room = Optional(room)
        holdings.withLock { $0.answerRoom = room.take() }
    }

    func attach(_ stream: ServerStream) { holdings.withLock { $0.stream = stream } }

    /// Frees the resources of an answered call: those of the request, and the functions given to `onCancel`, which may
    /// retain the call itself. Returns the room of the answer.
    func release() -> Reservation? {
        var handlers: [@Sendable () -> Void] = []  // freed outside of the lock
        return holdings.withLock { holdings in
            holdings.message = nil
            holdings.requestRoom.set(to: 0)
            holdings.stream = nil
            swap(&handlers, &holdings.cancelHandlers)
            return holdings.answerRoom.take()
        }
    }

    /// Cancels the call: nobody waits for it any more.
    func cancel() {
        cancelled.store(true, ordering: .releasing)
        let (handlers, stream) = holdings.withLock { holdings in
            if holdings.message != nil {  // no handler has it
                holdings.message = nil
                // The rest stays reserved while the call is in a queue.
                holdings.requestRoom.set(to: metadata.byteCount + Admission.callByteCount)
            }
            defer {
                holdings.cancelHandlers = []
                holdings.stream = nil
            }
            return (holdings.cancelHandlers, holdings.stream)
        }
        for handler in handlers { handler() }
        stream?.cancel()
    }
}
