public import NIOCore
public import SwiftProtobuf
import Synchronization

/// The answers of a server-streaming call: what its handler sends through.
public final class ServerStream: Sendable {
    /// Sent bytes that have not left, above which `send` waits; and below which it goes on.
    private static let highWater = 256 << 10
    private static let lowWater = 64 << 10

    private struct State {
        var unsentByteCount = 0
        var isOver = false
        var headers = Metadata()
        var trailers = Metadata()
        var waiter: CheckedContinuation<Void, Never>?
        var task: Task<Void, Never>?
    }

    let call: ServerCall
    private let state = Mutex(State())

    init(_ call: ServerCall) { self.call = call }

    public var method: String { call.method }
    public var metadata: Metadata { call.metadata }
    public var deadline: NIODeadline? { call.deadline }
    public var peerAddress: String { call.peerAddress }
    public var isCancelled: Bool { call.isCancelled }

    /// Headers beside the configured ones; they leave with the first message, or with the status.
    public func setHeaders(_ headers: Metadata) { state.withLock { $0.headers = headers } }

    /// Trailers that go with the status, also with the one of a thrown error.
    public func setTrailers(_ trailers: Metadata) { state.withLock { $0.trailers = trailers } }

    /// Sends one message. Returns when it is queued and at most 256 KiB wait to be sent, or 64 KiB
    /// if the client has much else to read: what it does not read holds the handler back.
    ///
    /// Throws `RPCError` `.cancelled` when nobody waits for the answers any more, `.internalError`
    /// for a message that cannot be serialised. One task sends at a time.
    public func send<Answer: SwiftProtobuf.Message>(_ message: Answer) async throws {
        let framed: FramedBytes
        do {
            framed = try message.serializedBytes()
        } catch {
            throw RPCError(.internalError, "cannot encode the answer: \(error)")
        }
        try await send(framed: framed.buffer)
    }

    private func send(framed: ByteBuffer) async throws {
        let isOver = state.withLock { state in
            state.unsentByteCount += framed.readableBytes
            return state.isOver
        }
        if isOver || call.isAnswered { throw Self.cancelledError }
        call.connection.loop.deliver(framed, of: call)
        await withCheckedContinuation { continuation in
            let goOn = state.withLock { state in
                let limit = call.connection.answers.mayGoOn ? Self.highWater : Self.lowWater
                if state.isOver || state.unsentByteCount <= limit { return true }
                precondition(state.waiter == nil, "two tasks send on one stream")
                state.waiter = continuation
                return false
            }
            if goOn { continuation.resume() }
        }
        if state.withLock({ $0.isOver }) { throw Self.cancelledError }
    }

    private static let cancelledError = RPCError(.cancelled, "the call is over")

    var headers: Metadata { state.withLock { $0.headers } }

    // MARK: from the transport

    func start(_ body: @escaping @Sendable (ByteBuffer, ServerStream) async throws -> Void) {
        let message = call.takeMessage()
        let task = Task {
            var end = RPCError(.ok, "")
            do {
                try await body(message, self)
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
            }
            call.fail(end)
        }
        let isOver = state.withLock { state in
            state.task = task
            return state.isOver
        }
        if isOver { task.cancel() }
    }

    /// Bytes of its messages have left, or been dropped.
    func sent(byteCount: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.unsentByteCount -= byteCount
            guard state.unsentByteCount <= Self.lowWater else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Nobody waits any more.
    func cancel() {
        let (waiter, task) = state.withLock { state in
            state.isOver = true
            defer {
                state.waiter = nil
                state.task = nil
            }
            return (state.waiter, state.task)
        }
        waiter?.resume()
        task?.cancel()
    }
}
