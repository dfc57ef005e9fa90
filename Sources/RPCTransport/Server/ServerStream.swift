public import NIOCore
public import SwiftProtobuf
import Synchronization

/// The answers of a server-streaming call: a handler uses it to send them.
public final class ServerStream: Sendable {
    /// `send` waits while more than `highWater` bytes are unsent, and continues at `lowWater`.
    private static let highWater = 256 << 10
    private static let lowWater = 64 << 10

    private struct State: ~Copyable, Sendable {
        var unsentByteCount = 0
        /// Bytes of sent messages that still use a part of `room`, since the loop has not counted them yet.
        var unplacedByteCount = 0
        var isOver = false
        var headers = Metadata()
        var trailers = Metadata()
        /// The reservation for messages that the handler is about to make.
        var room: Reservation?
        /// Whether `room` is the reservation with which a stream begins, rather than one that the handler asked for.
        var isFirstRoom = true
        var waiter: CheckedContinuation<Void, Never>?
        var task: Task<Void, Never>?
        var interceptors: [RPCMethod.Interceptor] = []
    }

    let call: ServerCall
    private let state: Mutex<State>

    init(_ call: ServerCall, room: consuming Reservation) {
        self.call = call
        state = Mutex(State(room: room))
    }

    public var method: String { call.method }
    public var metadata: Metadata { call.metadata }
    public var deadline: NIODeadline? { call.deadline }
    public var peerAddress: String { call.peerAddress }
    /// See ``ServerCall/peerHost``.
    public var peerHost: String { call.peerHost }
    /// See ``ServerCall/peerCertificate``.
    public var peerCertificate: PeerCertificate? { call.peerCertificate }
    public var isCancelled: Bool { call.isCancelled }
    /// See ``ServerCall/lane``.
    public var lane: Int { call.lane }

    /// Sets headers in addition to the configured ones; they are sent with the first message, or with the status.
    public func setHeaders(_ headers: Metadata) { state.withLock { $0.headers = headers } }

    /// Sets trailers that are sent with the status, including that of a thrown error.
    public func setTrailers(_ trailers: Metadata) { state.withLock { $0.trailers = trailers } }

    /// Adds an interceptor that must admit each further message.
    func add(_ interceptor: @escaping RPCMethod.Interceptor) {
        state.withLock { $0.interceptors.append(interceptor) }
    }

    /// Waits until there is room for `byteCount` bytes in addition to the answers that wait for their clients, and
    /// reserves it for the next messages. For a handler that knows their size before it reads their content.
    ///
    /// Replaces the previous reservation. Throws `RPCError` `.cancelled` if nobody waits for the answers any more. Only
    /// one task may reserve and send at a time.
    public func reserve(_ byteCount: Int) async throws {
        let isEnough = state.withLock { state in
            if let held = state.room?.byteCount, !state.isFirstRoom,
                held - state.unplacedByteCount >= byteCount
            {
                return true
            }
            state.room = nil
            state.isFirstRoom = false
            return state.isOver
        }
        if !isEnough {
            call.origin.mailbox.post(.streamNeedsRoom(call, max(1, byteCount)))
            await wait { $0.isOver || $0.room != nil }
        }
        try checkOpen()
    }

    /// Sends one message. Returns when it is queued and at most 256 KiB wait to be sent, or 64 KiB if the client has
    /// much else to read: a client that does not read delays the handler.
    ///
    /// Throws `RPCError` `.cancelled` if nobody waits for the answers any more, `.internalError` for a message that
    /// cannot be serialised, and the status of an interceptor that no longer lets the call continue. Only one task may
    /// send at a time.
    public func send(_ message: some SwiftProtobuf.Message) async throws {
        let framed: FramedBytes
        do {
            framed = try message.serializedBytes()
        } catch {
            throw RPCError(.internalError, "cannot encode the answer: \(error)")
        }
        try await send(framed: framed)
    }

    /// Sends a serialised message, as `send(_:)` does.
    public func send(framed: FramedBytes) async throws {
        try checkOpen()
        for interceptor in state.withLock({ $0.interceptors }) { try interceptor(call) }
        state.withLock { state in
            state.unsentByteCount += framed.bytes.count
            state.unplacedByteCount += framed.bytes.count
        }
        call.origin.mailbox.post(.part(call, framed.bytes))
        let limit = call.origin.account.mayGoOn ? Self.highWater : Self.lowWater
        await wait { $0.isOver || $0.unsentByteCount <= limit }
        try checkOpen()
    }

    private func checkOpen() throws {
        if call.isAnswered || state.withLock({ $0.isOver }) {
            throw RPCError(.cancelled, "the call is over")
        }
    }

    /// Waits until `isReady` returns true. Code that changes the state wakes the waiter, which checks again.
    private func wait(until isReady: @Sendable (borrowing State) -> Bool) async {
        while !state.withLock({ isReady($0) }) {
            await withCheckedContinuation { continuation in
                let goOn = state.withLock { state in
                    if isReady(state) { return true }
                    precondition(state.waiter == nil, "two tasks send on one stream")
                    state.waiter = continuation
                    return false
                }
                if goOn { continuation.resume() }
            }
        }
    }

    var headers: Metadata { state.withLock { $0.headers } }

    // MARK: from the transport

    func start(_ body: @escaping @Sendable (ServerStream) async throws -> Void) {
        let task = Task {
            var end = RPCError(.ok, "")
            do {
                try await body(self)
            } catch let error as RPCError {
                end = error
                if end.code == .ok { end.code = .unknown }
            } catch is CancellationError {
                end = RPCError(.cancelled, "the handler was cancelled")
            } catch {
                end = RPCError(.unknown, "\(error)")
            }
            state.withLock { state in
                end.headers.add(contentsOf: state.headers)
                end.trailers.add(contentsOf: state.trailers)
                state.task = nil
                state.room = nil
            }
            call.fail(end)
        }
        let isOver = state.withLock { state in
            state.task = task
            return state.isOver
        }
        if isOver { task.cancel() }
    }

    /// Sets the room that `reserve` waits for.
    func grant(_ room: consuming Reservation) {
        var room = Optional(room)
        let waiter = state.withLock { state in
            if !state.isOver { state.room = room.take() }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Releases room for `byteCount` bytes, which are now a message and counted elsewhere.
    func releaseRoom(_ byteCount: Int) {
        state.withLock { state in
            state.unplacedByteCount = max(0, state.unplacedByteCount - byteCount)
            guard let held = state.room?.byteCount else { return }
            if state.isFirstRoom || held <= byteCount {
                state.room = nil
                state.isFirstRoom = false
            } else {
                state.room?.set(to: held - byteCount)
            }
        }
    }

    /// Releases the reservation with which a stream begins, if it has sent nothing.
    func releaseFirstRoom() {
        state.withLock { state in
            if state.isFirstRoom { state.room = nil }
        }
    }

    /// Notes that bytes of messages were sent.
    func sent(byteCount: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.unsentByteCount -= byteCount
            guard state.unsentByteCount <= Self.lowWater else { return nil }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Ends the stream: its status is on the way. Its handler may still run.
    func end() {
        let waiter = state.withLock { state in
            state.isOver = true
            state.room = nil
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Ends the stream and cancels its handler: nobody waits any more.
    func cancel() {
        end()
        state.withLock { $0.task.take() }?.cancel()
    }
}
