import DequeModule
import POSIX
import Synchronization

/// Threads for reads by tasks, which must not block the threads that tasks run on. Databases can share them.
final class ReaderThreads: Sendable {
    /// The most reads that may wait; each belongs to a suspended task that holds its own memory.
    private static let queuedCount = 1 << 20

    typealias Read = @Sendable () -> Void

    private struct State {
        var reads = Deque<Read>()
        var isClosed = false
    }

    /// One queue for all threads: a read that blocks does not delay others while a thread is idle.
    private let monitor = Monitor(State())
    private let threads: Mutex<[WorkerThread]>

    init(count: Int) throws(StoreError) {
        threads = Mutex([])
        for number in 0..<count {
            do throws(StoreError) {
                let thread = try WorkerThread.start("reader \(number)") { [monitor] in
                    while let read = Self.next(of: monitor) { read() }
                }
                threads.withLock { $0.append(thread) }
            } catch {
                end()
                throw error
            }
        }
    }

    /// Waits for a read; returns nil when the threads have to end and none is left.
    private static func next(of monitor: Monitor<State>) -> Read? {
        monitor.wait { state -> Read?? in
            if let read = state.reads.popFirst() { return .some(read) }
            return state.isClosed ? .some(nil) : nil
        } ?? nil
    }

    enum PutResult { case queued, full, closed }

    /// Queues `read` for one of the threads.
    func put(_ read: @escaping Read) -> PutResult {
        monitor.change { state in
            if state.isClosed { return .closed }
            if state.reads.count >= Self.queuedCount { return .full }
            state.reads.append(read)
            return .queued
        }
    }

    /// Runs the waiting reads, and ends the threads.
    func end() {
        monitor.change { $0.isClosed = true }
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        // One of the threads may be the one that releases the last reference.
        for thread in running where !thread.isCurrent { thread.join() }
    }
}
