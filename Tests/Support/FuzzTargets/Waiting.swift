import Dispatch
import Synchronization

/// Runs something asynchronous to its end on this thread, which is none of Swift's own.
func wait<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
) throws -> Result {
    let done = DispatchSemaphore(value: 0)
    let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
    Task.detached {
        do {
            let result = try await body()
            outcome.withLock { $0 = .success(result) }
        } catch {
            outcome.withLock { $0 = .failure(error) }
        }
        done.signal()
    }
    done.wait()
    guard let outcome = outcome.withLock({ $0 }) else { preconditionFailure("nothing came of it") }
    return try outcome.get()
}
