import Foundation
import Synchronization

/// The time after which a target reports a hang. It is long, since fuzzers run at low priority
/// beside other programs.
let patienceSeconds = 60

/// Waits until `condition` holds. Returns whether it does in time.
func soon(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(patienceSeconds)
    while !condition() {
        guard ContinuousClock.now < end else { return false }
        usleep(5_000)
    }
    return true
}

/// Runs asynchronous work to its end on this thread, which must not belong to Swift's pool.
func wait<Success: Sendable>(
    _ body: @escaping @Sendable () async throws -> Success
) throws -> Success {
    let outcome = Outcome<Success>()
    Task.detached { outcome.set(await Result(catching: body)) }
    return try outcome.wait().get()
}

private final class Outcome<Success: Sendable>: Sendable {
    private let result = Mutex<Result<Success, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func set(_ result: Result<Success, any Error>) {
        self.result.withLock { $0 = result }
        done.signal()
    }

    func wait() -> Result<Success, any Error> {
        done.wait()
        guard let result = result.withLock({ $0 }) else {
            preconditionFailure("nothing came of it")
        }
        return result
    }
}

extension Result where Failure == any Error {
    fileprivate init(catching body: @Sendable () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
