import NIOCore
import NIOPosix
import Synchronization

/// Passes answers and other parcels of calls from any thread to the event loop of their connection, many at a time.
final class LoopMailbox: Sendable {
    enum Parcel: Sendable {
        /// A message of a stream, with its prefix.
        case part(ServerCall, [UInt8])
        /// A request that a worker did not start, since its client has too much to read.
        case returned(ServerCall)
        /// A call whose answer needs this much room, and the function that makes the answer once there is room.
        case needsRoom(ServerCall, Int, @Sendable (ServerCall) -> Void)
        /// A stream whose next messages need this much room.
        case streamNeedsRoom(ServerCall, Int)

        var call: ServerCall {
            switch self {
            case .part(let call, _), .returned(let call), .needsRoom(let call, _, _),
                .streamNeedsRoom(let call, _):
                call
            }
        }
    }

    private struct State {
        var contents = Contents()
        var isScheduled = false
        /// Whether the event loop is about to end, and accepts nothing more.
        var isClosed = false
        /// Threads that have decided to call `execute` and have not returned from it.
        var executing = 0
    }

    struct Contents {
        /// The parcels in the order in which they were posted.
        var parcels: [Parcel] = []
        /// Answers of different calls, in no order. The last message of a stream is posted before its answer.
        var answers: [(ServerCall, Answer)] = []
        /// More answers, in the batches that the workers made.
        var batches: [[(ServerCall, Answer)]] = []
    }

    /// The loop retains the mailbox, so the mailbox refers to it weakly.
    private final class Owner {
        weak var loop: ServerLoop?
        init(_ loop: ServerLoop) { self.loop = loop }
    }

    let eventLoop: any EventLoop
    private let owner: NIOLoopBound<Owner>
    private let state = Mutex(State())

    /// Makes the mailbox. Called on the event loop.
    init(_ loop: ServerLoop) {
        eventLoop = loop.eventLoop
        owner = NIOLoopBound(Owner(loop), eventLoop: loop.eventLoop)
    }

    /// Passes an answer to its connection; from a worker, together with the rest of its batch.
    func deliver(_ call: ServerCall, _ answer: consuming Answer) {
        if let gatherer = AnswerGatherer.current {
            gatherer.add(call, answer)
        } else if eventLoop.inEventLoop {
            owner.value.loop?.deliver(call, answer)
        } else {
            var answer = Optional(answer)
            post { contents in
                if let answer = answer.take() { contents.answers.append((call, answer)) }
            }
        }
    }

    func post(_ parcel: Parcel) { post { $0.parcels.append(parcel) } }

    /// Posts answers of different calls, in any order.
    func post(batch: [(ServerCall, Answer)]) { post { $0.batches.append(batch) } }

    private func post(_ add: (inout Contents) -> Void) {
        let mustExecute = state.withLock { state in
            guard !state.isClosed else { return false }
            add(&state.contents)
            guard !state.isScheduled else { return false }
            state.isScheduled = true
            state.executing += 1
            return true
        }
        guard mustExecute else { return }
        eventLoop.execute { self.owner.value.loop?.emptyMailbox() }
        state.withLock { $0.executing -= 1 }
    }

    /// Takes everything out, on the event loop. `contents` is empty before, and its memory is reused.
    func take(into contents: inout Contents) {
        state.withLock { state in
            state.isScheduled = false
            swap(&state.contents, &contents)
        }
    }

    /// Stops accepting. Returns true if no thread is about to call the event loop, which may then end.
    func close() -> Bool {
        let (dropped, isQuiet) = state.withLock { state in
            state.isClosed = true
            defer { state.contents = Contents() }
            return (state.contents, state.executing == 0)
        }
        _ = dropped  // freed outside of the lock
        return isQuiet
    }
}
