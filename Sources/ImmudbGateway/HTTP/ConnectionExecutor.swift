import Dispatch
import NIOCore
import Synchronization

/// Runs the task of a connection on the connection's event loop, where its bytes arrive and leave. A small request then
/// wakes no thread of Swift's pool; to wake them costs more than all else that the gateway does for it.
///
/// The loop serves other connections, too. One of them may have it for a turn, about 125 µs; a task with more to do leaves
/// the loop and goes on on other threads until the connection's next request begins:
///
/// - Bodies and answers above ``largestByteCount`` leave it, to be copied, decoded, verified and encoded elsewhere, and so
///   do bodies above ``largestDecodedByteCount`` that `JSONDecoder` reads, paths above ``largestPathByteCount``, the calls
///   of lists and dumps, and all pages.
/// - Requests that are answered without waiting for anything let other connections run after every
///   ``turnRequestCount``.
/// - Nothing on the loop waits: files are read and written by queues of their own, logs are written by their own thread,
///   and locks are held for moments.
///
/// Each call of an asynchronous function that may run elsewhere than its caller asks for the executor, which takes 0.1 µs;
/// those on the way of a small request are `nonisolated(nonsending)`.
///
/// Unstructured tasks do not inherit the executor. What they tell it affects only where the connection's own task goes
/// on.
final class ConnectionExecutor: TaskExecutor {
    static let largestByteCount = 16 << 10
    static let largestDecodedByteCount = 512
    static let largestPathByteCount = 4 << 10
    static let turnRequestCount = 8

    /// Outlives the tasks: the gateway's loops are those of the process, which never end. A loop that has ended would drop
    /// the jobs.
    private let loop: any EventLoop
    // Written by the thread that resumes the task afterwards, or by the task itself, and they guard no other memory: hence
    // relaxed.
    private let isAway = Atomic(false)
    /// Requests that began since the loop last ran something else.
    private let requestCount = Atomic(0)

    init(_ loop: any EventLoop) { self.loop = loop }

    /// Notes that a request begins: the task goes on on the loop from its next suspension on.
    nonisolated(nonsending) func beginRequest() async {
        isAway.store(false, ordering: .relaxed)
        if requestCount.add(1, ordering: .relaxed).newValue > Self.turnRequestCount {
            await suspendOnLoop()
        }
    }

    /// Makes the task go on on other threads, at once.
    nonisolated(nonsending) func leaveLoop() async {
        leaveLoopLater()
        await suspendOnLoop()
    }

    /// Suspends the task, if it is on the loop, until the loop has run what others gave it before.
    ///
    /// `Task.yield` would not do: what resumes the task may run on another thread before this one has suspended it, which
    /// then goes on with it.
    private nonisolated(nonsending) func suspendOnLoop() async {
        guard loop.inEventLoop else { return }
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume() }
        }
    }

    /// The same from the task's next suspension on.
    func leaveLoopLater() { isAway.store(true, ordering: .relaxed) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isAway.load(ordering: .relaxed) {
            DispatchQueue.global().async { self.run(job) }
        } else {
            loop.execute { self.run(job) }
        }
    }

    private func run(_ job: UnownedJob) {
        requestCount.store(0, ordering: .relaxed)
        job.runSynchronously(on: asUnownedTaskExecutor())
    }
}
