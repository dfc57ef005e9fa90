import NIOCore

/// The calls of a connection that wait: complete requests and questions until answers have left, and what is known
/// to need much, and every stream, until there is room for it. Event loop only.
struct WaitingCalls {
    /// What waits for room.
    enum RoomRequest {
        /// A stream that has not begun.
        case stream(ServerCall)
        /// An answer of that size, and what makes it.
        case answer(ServerCall, Int, @Sendable (ServerCall) -> Void)
        /// The next messages of a stream.
        case streamMessage(ServerCall, Int)

        /// Of a stream, until its first message comes: of the size of a page.
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
    /// How many of both are over.
    private var overCount = 0

    /// Whether a request waits for answers to leave.
    var hasForTurn: Bool { !forTurn.isEmpty }
    var isEmpty: Bool { forTurn.isEmpty && forRoom.isEmpty }

    mutating func append(_ call: ActiveCall) { forTurn.append(call) }
    mutating func append(_ request: RoomRequest) { forRoom.append(request) }

    /// The next request, out of the queue; nil if it is over.
    mutating func takeForTurn() -> ActiveCall? {
        let call = forTurn.removeFirst()
        if call.isWaiting { return call }
        overCount = max(0, overCount - 1)
        return nil
    }

    /// The next that waits for room; what is over has left the queue.
    mutating func firstForRoom() -> RoomRequest? {
        while let request = forRoom.first {
            guard request.isOver else { return request }
            // `noteOver` hears of a call, not of the messages of a stream that has begun.
            if case .streamMessage = request {} else { overCount = max(0, overCount - 1) }
            forRoom.removeFirst()
        }
        return nil
    }

    mutating func removeFirstForRoom() { forRoom.removeFirst() }

    /// One was answered, or its stream was closed. Those that are over leave the queues when they are
    /// many: a client that cancels what waits must not fill them.
    mutating func noteOver() {
        overCount += 1
        guard overCount > 64, overCount > (forTurn.count + forRoom.count) / 2 else { return }
        forTurn.removeAll { !$0.isWaiting }
        forRoom.removeAll { $0.isOver }
        overCount = 0
    }

    mutating func removeAll() { self = WaitingCalls() }
}
