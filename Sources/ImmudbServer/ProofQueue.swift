import Dispatch
import Synchronization

/// Runs small pieces of work, one after the other, on a thread that is not the one that brings
/// them.
///
/// The database's publisher tells each writer of a group that its entry is durable; computing their
/// proofs there would hold up the next group. Work that arrives while some is running is taken
/// along with it, so a whole group costs one hand-over between threads.
final class ProofQueue: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var isDraining = false
    }

    // Bounded by the calls in flight: a writer brings one piece of work and then waits for its
    // answer.
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "immudb.proofs", qos: .userInitiated)

    func run(_ work: @escaping @Sendable () -> Void) {
        let isFirst = state.withLock { state in
            state.waiting.append(work)
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if isFirst {
            queue.async { self.drain() }
        }
    }

    private func drain() {
        var batch: [@Sendable () -> Void] = []
        while takeWaiting(into: &batch) {
            for work in batch { work() }
        }
    }

    /// - Returns: false when nothing waits; the next piece of work then starts a new drain.
    private func takeWaiting(into batch: inout [@Sendable () -> Void]) -> Bool {
        batch.removeAll(keepingCapacity: true)
        return state.withLock { state in
            swap(&state.waiting, &batch)
            state.isDraining = !batch.isEmpty
            return state.isDraining
        }
    }
}
