import NIOCore
import Synchronization

/// Holds the answers of a streaming call until the application takes them.
final class StreamReceiver: Sendable {
    private struct State {
        var headers: Metadata?
        var messages = CircularBuffer<ByteBuffer>()
        /// The size of `messages`, with their prefixes.
        var byteCount = 0
        var isOver = false
        var error: RPCError?
        var trailers = Metadata()
        var headersWaiter: CheckedContinuation<Metadata, any Error>?
        var waiter: CheckedContinuation<ByteBuffer?, any Error>?
    }

    private let state = Mutex(State())

    var trailers: Metadata { state.withLock { $0.trailers } }

    /// The size on the wire of the messages that wait for the application. The server gets no credit for these bytes.
    var byteCount: Int { state.withLock { $0.byteCount } }

    // MARK: from the event loop

    func receive(headers: Metadata) {
        let waiter = state.withLock { state -> CheckedContinuation<Metadata, any Error>? in
            guard state.headers == nil else { return nil }
            state.headers = headers
            defer { state.headersWaiter = nil }
            return state.headersWaiter
        }
        waiter?.resume(returning: headers)
    }

    func receive(message: ByteBuffer) {
        let waiter = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.messages.append(message)
            state.byteCount += message.readableBytes + FramedBytes.prefixByteCount
            return nil
        }
        waiter?.resume(returning: message)
    }

    func finish(_ error: RPCError?, trailers: Metadata) {
        let (headersWaiter, waiter) = state.withLock { state in
            state.isOver = true
            state.error = error
            state.trailers = trailers
            defer {
                state.headersWaiter = nil
                state.waiter = nil
            }
            return (state.headersWaiter, state.waiter)
        }
        if let error {
            headersWaiter?.resume(throwing: error)
            waiter?.resume(throwing: error)
        } else {
            headersWaiter?.resume(returning: [:])
            waiter?.resume(returning: nil)
        }
    }

    // MARK: from the application

    func waitForHeaders() async throws -> Metadata {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state -> Result<Metadata, any Error>? in
                if let headers = state.headers { return .success(headers) }
                if let error = state.error { return .failure(error) }
                if state.isOver { return .success([:]) }
                state.headersWaiter = continuation
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
    }

    func waitForMessage() async throws -> ByteBuffer? {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state -> Result<ByteBuffer?, any Error>? in
                if let message = state.messages.popFirst() {
                    state.byteCount -= message.readableBytes + FramedBytes.prefixByteCount
                    return .success(message)
                }
                if let error = state.error { return .failure(error) }
                if state.isOver { return .success(nil) }
                precondition(state.waiter == nil, "two tasks iterate over one stream")
                state.waiter = continuation
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
    }
}
