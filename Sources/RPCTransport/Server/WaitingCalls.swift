import NIOCore

/// The waiting calls of a connection: complete requests and questions wait until answers were sent; large answers, and
/// every stream, wait until there is room for them. Event loop only.
struct WaitingCalls {
    /// A request for room.
    enum RoomRequest {
        /// A stream that has not begun.
        case stream(ServerCall)
        /// An answer of this size, and the function that makes it.
        case answer(ServerCall, Int, @Sendable (ServerCall) -> Void)
        /// The next messages of a stream.
        case streamMessage(ServerCall, Int)

        /// The room of a stream until its first message: the size of a page.
        private static let streamByteCount = 1 << 20

        var call: ServerCall {
            switch self {
            case .stream(let call), .answer(let call, _, _), .streamMessage(let call, _): call
            }
        }

        var byteCount: Int {
            switch self {
            case .stream: Self.streamByteCount
            case .answer(_, let byteCount, _), .streamMessage(_, let byteCount): byteCount
            }
        }

        var isOver: Bool { call.isAnswered || call.isCancelled }
    }

    private var forTurn = CircularBuffer<ActiveCall>()
    private var forRoom = CircularBuffer<RoomRequest>()
    /// The number of calls in both queues that are over.
    private var overCount = 0

    /// Whether a request waits until answers were sent.
    var hasForTurn: Bool { !forTurn.isEmpty }
    var isEmpty: Bool { forTurn.isEmpty && forRoom.isEmpty }

    mutating func append(_ call: ActiveCall) { forTurn.append(call) }
    mutating func append(_ request: RoomRequest) { forRoom.append(request) }

    /// Takes the next request out of the queue; returns nil if it is over.
    mutating func takeForTurn() -> ActiveCall? {
        let call = forTurn.removeFirst()
        if call.isWaiting { return call }
        overCount = max(0, overCount - 1)
        return nil
    }

    /// Returns the next request that waits for room, and removes those before it that are over.
    mutating func firstForRoom() -> RoomRequest? {
        while let request = forRoom.first {
            guard request.isOver else { return request }
            // `noteOver` is called for a call, not for the messages of a stream that has begun.
            if case .streamMessage = request {} else { overCount = max(0, overCount - 1) }
            forRoom.removeFirst()
        }
        return nil
    }

    mutating func removeFirstForRoom() { forRoom.removeFirst() }

    /// Notes that a call was answered, or its stream was closed. Calls that are over are removed when they are many: a
    /// client that cancels waiting calls must not fill the queues.
    mutating func noteOver() {
        overCount += 1
        guard overCount > 64, overCount > (forTurn.count + forRoom.count) / 2 else { return }
        forTurn.removeAll { !$0.isWaiting }
        forRoom.removeAll { $0.isOver }
        overCount = 0
    }

    mutating func removeAll() { self = WaitingCalls() }
}
