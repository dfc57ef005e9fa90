import Dispatch
public import Testing

extension Trait where Self == OwnThread {
    /// Runs each test on its own thread, for tests that compute or block for seconds.
    ///
    /// Swift's pool has only one thread for each core. Two such tests would take them all, and
    /// every other test, with its deadlines, would wait for their end.
    ///
    /// Child tasks run on the same thread, so a test must not block for one of them.
    public static var ownThread: OwnThread { OwnThread() }
}

/// The trait of `ownThread`.
public struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    public let isRecursive = true

    public func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(SerialExecutor(), operation: function)
    }

    /// An executor on a serial queue, which has a thread whenever it has work, no matter how many
    /// other queues have work.
    private final class SerialExecutor: TaskExecutor {
        private let queue = DispatchQueue(label: "test")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }
}
