import Dispatch
import NIOCore
import Synchronization

/// Runs the task of a connection on the connection's event loop, where its bytes arrive and leave. So a small request
/// wakes no thread of Swift's pool; waking one costs more than all other work of the gateway for the request.
///
/// The loop serves other connections, too. A connection may use it for a turn, about 125 µs; a task with more work
/// leaves the loop and continues on other threads until the connection's next request begins:
///
/// - Bodies and answers above ``largestByteCount`` leave it, to be copied, decoded, verified and encoded on other
///   threads, and so do bodies above ``largestDecodedByteCount`` that `JSONDecoder` reads, paths above
///   ``largestPathByteCount``, the calls of lists and dumps, and all pages.
/// - Requests that are answered without any waiting let other connections run after every
///   ``turnRequestCount``.
/// - Nothing on the loop waits: files are read and written on separate queues, a separate thread writes logs, and
///   locks are held briefly.
///
/// Each call of an asynchronous function that may run on another executor looks up the executor, which takes 0.1 µs;
/// the functions that a small request calls are `nonisolated(nonsending)`.
///
/// Unstructured tasks do not inherit the executor. If they call it, they affect only where the connection's own task
/// continues.
final class ConnectionExecutor: TaskExecutor {
    static let largestByteCount = 16 << 10
    static let largestDecodedByteCount = 512
    static let largestPathByteCount = 4 << 10
    static let turnRequestCount = 8

    /// The loop outlives the tasks: the gateway uses the loops of the process, which never end. A loop that has ended
    /// would drop the jobs.
    private let loop: any EventLoop
    // Relaxed, since only the task itself, or the thread that then resumes it, writes these, and they guard no other
    // memory.
    private let isAway = Atomic(false)
    /// The number of requests that began since the loop last ran other work.
    private let requestCount = Atomic(0)

    init(_ loop: any EventLoop) { self.loop = loop }

    /// Notes that a request begins: the task continues on the loop after its next suspension.
    nonisolated(nonsending) func beginRequest() async {
        isAway.store(false, ordering: .relaxed)
        if requestCount.add(1, ordering: .relaxed).newValue > Self.turnRequestCount {
            await suspendOnLoop()
        }
    }

    /// Moves the task to other threads at once.
    nonisolated(nonsending) func leaveLoop() async {
        leaveLoopLater()
        await suspendOnLoop()
    }

    /// Suspends the task, if it is on the loop, until the loop has run the jobs that were queued
    /// before.
    ///
    /// `Task.yield` does not work here: another thread may resume the task before this one has suspended it, and then
    /// this thread continues it.
    private nonisolated(nonsending) func suspendOnLoop() async {
        guard loop.inEventLoop else { return }
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume() }
        }
    }

    /// Moves the task to other threads at its next suspension.
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
