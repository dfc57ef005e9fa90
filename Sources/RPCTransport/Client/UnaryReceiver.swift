import NIOCore
import Synchronization

struct ClientAnswer: Sendable {
    let message: ByteBuffer
    let headers: Metadata
    let trailers: Metadata
}

/// Where a unary call waits for its answer.
final class UnaryReceiver: Sendable {
    private enum State {
        case created
        case waiting(CheckedContinuation<ClientAnswer, any Error>)
        /// A call of a task that was cancelled already may end before anybody waits for it.
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
