import POSIX

/// The reads of one database, on threads that other databases may share.
final class Reads: Sendable {
    private struct State {
        /// Nil once the database takes no more reads.
        var threads: ReaderThreads?
        /// Reads that wait or run.
        var count = 0
    }

    private let monitor: Monitor<State>

    init(_ threads: ReaderThreads) { monitor = Monitor(State(threads: threads)) }

    /// Runs `read` on one of the threads.
    func run<Value: Sendable>(
        _ read: @escaping @Sendable () throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let threads = monitor.change { state in
            if state.threads != nil { state.count += 1 }
            return state.threads
        }
        guard let threads else { throw Self.closedError }
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            let put = threads.put {
                let result = Result(catching: read)
                self.monitor.change { $0.count -= 1 }
                continuation.resume(returning: result)
            }
            if put == .queued { return }
            monitor.change { $0.count -= 1 }
            continuation.resume(
                returning: .failure(
                    put == .closed
                        ? Self.closedError : StoreError(.overloaded, "too many reads are waiting")))
        }
        return try result.get()
    }

    private static let closedError = StoreError(.closed, "the database is closed")

    /// Takes no more reads, and waits for those that have begun or wait.
    func end() {
        monitor.change { $0.threads = nil }
        monitor.wait { $0.count == 0 ? () : nil }
    }
}
