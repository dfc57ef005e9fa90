import NIOCore
import Synchronization

struct ClientAnswer: Sendable {
    let message: ByteBuffer
    let headers: Metadata
    let trailers: Metadata
}

/// Passes the answer of a unary call to the task that waits for it.
final class UnaryReceiver: Sendable {
    private enum State {
        case created
        case waiting(CheckedContinuation<ClientAnswer, any Error>)
        /// The call ended before its task waited for it, since the task was already cancelled.
        case early(Result<ClientAnswer, RPCError>)
        case over
    }

    private let state = Mutex(State.created)

    func install(_ continuation: CheckedContinuation<ClientAnswer, any Error>) {
        let early = state.withLock { state -> Result<ClientAnswer, RPCError>? in
            guard case .early(let result) = state else {
                state = .waiting(continuation)
                return nil
            }
            state = .over
            return result
        }
        if let early { continuation.resume(with: early.mapError { $0 as any Error }) }
    }

    func finish(_ result: Result<ClientAnswer, RPCError>) {
        let waiter = state.withLock { state -> CheckedContinuation<ClientAnswer, any Error>? in
            switch state {
            case .created: state = .early(result)
            case .waiting(let continuation):
                state = .over
                return continuation
            case .early, .over: break
            }
            return nil
        }
        waiter?.resume(with: result.mapError { $0 as any Error })
    }
}
