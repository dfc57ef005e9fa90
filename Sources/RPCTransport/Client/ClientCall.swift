import NIOCore
import Synchronization

/// One call of a client, from its request to its status.
// Unchecked: what is not `let` or atomic is touched on the client's event loop only.
final class ClientCall: @unchecked Sendable {
    enum Receiver: Sendable {
        case unary(UnaryReceiver)
        case stream(StreamReceiver)
    }

    let path: String
    /// Behind its prefix; kept so that it can be sent again.
    let request: ByteBuffer
    let metadata: Metadata
    let deadline: NIODeadline?
    let receiver: Receiver
    private let mustCancel = Atomic<Bool>(false)

    // MARK: event loop

    weak var connection: ClientConnection?
    var streamID: Int32 = 0
    var attempts = 0
    /// The part of the request that is not framed yet.
    var unsent = ByteBuffer()
    /// Whether the server may have seen it: set before the first of its bytes is given to the socket.
    var wasSent = false
    var isFinished = false
    /// The header block that is being read.
    var block = AnswerHeaders()
    /// The server's initial headers.
    var headers: Metadata?
    /// From the prefix of the message that is being read.
    var messageByteCount: Int?
    /// What has arrived of it.
    var message = ByteBuffer()
    var hasMessage = false
    /// Stream bytes that the server has not been given credit for.
    var heldByteCount = 0

    init(
        path: String, request: ByteBuffer, metadata: Metadata, deadline: NIODeadline?,
        receiver: Receiver
    ) {
        self.path = path
        self.request = request
        self.metadata = metadata
        self.deadline = deadline
        self.receiver = receiver
    }

    /// From any thread: whether or not it was started yet.
    func requestCancel() { mustCancel.store(true, ordering: .releasing) }

    var isCancelRequested: Bool { mustCancel.load(ordering: .acquiring) }

    /// Ready for another connection.
    func reset() {
        connection = nil
        streamID = 0
        unsent = request
        wasSent = false
        block = AnswerHeaders()
        headers = nil
        messageByteCount = nil
        message = ByteBuffer()
        hasMessage = false
        heldByteCount = 0
    }

    func succeed(trailers: Metadata) {
        guard !isFinished else { return }
        isFinished = true
        switch receiver {
        case .unary(let receiver):
            receiver.finish(
                .success(.init(message: message, headers: headers ?? [:], trailers: trailers)))
        case .stream(let receiver):
            receiver.finish(nil, trailers: trailers)
        }
        message = ByteBuffer()
    }

    /// Ends the call with an error that this side found.
    func fail(_ code: StatusCode, _ text: String, trailers: Metadata = [:]) {
        end(
            RPCError(
                code, text, headers: headers ?? [:], trailers: trailers,
                requestFate: wasSent ? .mayHaveBeenProcessed : .notProcessed))
    }

    /// Ends the call with the server's status, which is not OK.
    func failAsAnswered(_ code: StatusCode, _ text: String, trailers: Metadata) {
        end(
            RPCError(
                code, text, headers: headers ?? [:], trailers: trailers, requestFate: .answered))
    }

    private func end(_ error: RPCError) {
        guard !isFinished else { return }
        isFinished = true
        switch receiver {
        case .unary(let receiver): receiver.finish(.failure(error))
        case .stream(let receiver): receiver.finish(error, trailers: error.trailers)
        }
        message = ByteBuffer()
        unsent = ByteBuffer()
    }
}

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
