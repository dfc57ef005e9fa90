import ImmudbVerification
import Synchronization

/// A call that waits until its trees are trusted. It ends with the first outcome: that of the work, or its cancellation.
final class PendingTrust: Sendable {
    private enum State {
        case waiting(CheckedContinuation<TrustedRoot, any Error>?)
        case over(Result<TrustedRoot, any Error>)
    }

    private let state = Mutex(State.waiting(nil))

    var isWaiting: Bool {
        state.withLock { state in
            if case .waiting = state { true } else { false }
        }
    }

    /// Waits for the outcome.
    ///
    /// - Parameter start: called once, to start the work.
    /// - Throws: what the work throws; `ClientError` with code `.cancelled`, at once, when the calling task is cancelled.
    func outcome(_ start: () -> Void) async throws -> TrustedRoot {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { completion in
                install(completion)
                start()
            }
        } onCancel: {
            finish(.failure(ClientError(.cancelled, "the call was cancelled")))
        }
    }

    private func install(_ completion: CheckedContinuation<TrustedRoot, any Error>) {
        let outcome = state.withLock { state -> Result<TrustedRoot, any Error>? in
            if case .over(let outcome) = state { return outcome }
            state = .waiting(completion)
            return nil
        }
        if let outcome { completion.resume(with: outcome) }
    }

    func finish(_ outcome: Result<TrustedRoot, any Error>) {
        let completion = state.withLock {
            state -> CheckedContinuation<TrustedRoot, any Error>? in
            guard case .waiting(let completion) = state else { return nil }
            state = .over(outcome)
            return completion
        }
        completion?.resume(with: outcome)
    }
}
