import Dispatch
import NIOCore
import Synchronization

/// Runs the task of a connection on the connection's event loop, where its bytes arrive and leave. A small request then
/// wakes no thread of Swift's pool; to wake them costs more than all else that the gateway does for it.
///
/// From the moment that a request or its answer is large, its task runs on other threads: reading and writing megabytes
/// of JSON would stop the loop's other connections.
final class ConnectionExecutor: TaskExecutor {
    /// The executor of the connection whose request is answered.
    @TaskLocal static var current: ConnectionExecutor?

    private let loop: any EventLoop
    private let isLarge = Atomic(false)

    init(_ loop: any EventLoop) { self.loop = loop }

    /// From its next suspension on, the task runs on other threads.
    func leaveLoop() { isLarge.store(true, ordering: .relaxed) }

    /// From its next suspension on, the task runs on the loop again.
    func returnToLoop() { isLarge.store(false, ordering: .relaxed) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isLarge.load(ordering: .relaxed) {
            DispatchQueue.global().async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        } else {
            loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }
}
