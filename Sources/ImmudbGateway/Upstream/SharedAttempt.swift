import ImmudbClient
import Synchronization

/// Work for which several callers wait, each until its own timeout or cancellation. The work continues without them.
final class SharedAttempt<Value: Sendable>: Sendable {
    private typealias Outcome = Result<Value, any Error>

    private struct State {
        var outcome: Outcome?
        var count = 0
        var waiting: [Int: AsyncStream<Outcome>.Continuation] = [:]
    }

    private let state = Mutex(State())
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Starts the work.
    init(_ work: @escaping @Sendable () async throws -> Value) {
        let task = Task {
            let outcome: Outcome
            do {
                outcome = .success(try await work())
            } catch {
                outcome = .failure(error)
            }
            finish(outcome)
        }
        self.task.withLock { $0 = task }
    }

    /// Returns what the work returns, or throws what it throws.
    ///
    /// - Throws: `ClientError` with code `.deadlineExceeded` at the timeout, with `.cancelled` if the calling task is
    ///   cancelled.
    func value(within timeout: Duration) async throws -> Value {
        let (outcomes, first) = AsyncStream.makeStream(
            of: Outcome.self, bufferingPolicy: .bufferingOldest(1))
        let number = wait(with: first)
        let timer = Task {
            try await Task.sleep(for: timeout)
            let error = ClientError(
                .deadlineExceeded, "immudb did not say in time who it is: try again")
            first.yield(.failure(error))
        }
        defer {
            timer.cancel()
            state.withLock { _ = $0.waiting.removeValue(forKey: number) }
        }
        guard let outcome = await outcomes.first(where: { _ in true }) else {
            throw ClientError(.cancelled, "the call was cancelled")
        }
        return try outcome.get()
    }

    /// Cancels the work for all waiting callers.
    func cancel() { task.withLock { $0?.cancel() } }

    private func wait(with first: AsyncStream<Outcome>.Continuation) -> Int {
        state.withLock { state in
            state.count += 1
            if let outcome = state.outcome {
                first.yield(outcome)
            } else {
                state.waiting[state.count] = first
            }
            return state.count
        }
    }

    private func finish(_ outcome: Outcome) {
        let waiting = state.withLock { state in
            state.outcome = outcome
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for first in waiting { first.yield(outcome) }
    }
}
