import Dispatch
import Synchronization

/// Lets large batches into the database one at a time.
///
/// The database writes in the order in which it is asked, and a batch of 100,000 entries takes it some 50
/// milliseconds. With all that clients send in its queue, a small write would wait for all of them; so
/// it waits for one. Two at a time would write 5 % more of them.
final class LargeBatches: Sendable {
    /// What is done when a batch has its turn. It calls the function that it is given once, when the
    /// database has done with the batch.
    typealias Work = @Sendable (_ ended: @escaping @Sendable () -> Void) -> Void

    /// A batch that waits; it can be given up.
    final class Waiting: Sendable {
        private let work: Mutex<Work?>

        fileprivate init(_ work: @escaping Work) { self.work = Mutex(work) }

        /// Frees what the batch holds, unless it has had its turn.
        func giveUp() { _ = take() }

        fileprivate func take() -> Work? { work.withLock { $0.take() } }
    }

    private struct State {
        var isBusy = false
        var waiting: [Waiting] = []
    }

    // Bounded by the requests that the transport holds: each batch is one, or was given up.
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "immudb.batches", qos: .userInitiated)

    /// Runs `work` at once, or when a batch before it has ended. Batches have their turns in order.
    @discardableResult
    func run(_ work: @escaping Work) -> Waiting {
        let waiting = Waiting(work)
        let mayRun = state.withLock { state in
            guard state.isBusy else {
                state.isBusy = true
                return true
            }
            state.waiting.append(waiting)
            return false
        }
        if mayRun { start(waiting) }
        return waiting
    }

    private func start(_ waiting: Waiting) {
        guard let work = waiting.take() else { return ended() }
        work { self.ended() }
    }

    /// The next one starts on a thread of its own: this one is the database's.
    private func ended() {
        let next: Waiting? = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isBusy = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        if let next { queue.async { self.start(next) } }
    }
}
