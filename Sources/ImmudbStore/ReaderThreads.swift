import DequeModule
import POSIX
import Synchronization

/// Threads for the reads of tasks, which must not block the threads that tasks run on. Databases can
/// share them.
final class ReaderThreads: Sendable {
    /// Reads that may wait; each belongs to a suspended task that holds its own memory.
    private static let queuedCount = 1 << 20

    typealias Read = @Sendable () -> Void

    private struct State {
        var reads = Deque<Read>()
        var isClosed = false
    }

    /// One queue for all threads: a read that blocks holds up none behind it while a thread is idle.
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

    /// Waits for a read; nil when the threads are to end and none is left.
    private static func next(of monitor: Monitor<State>) -> Read? {
        monitor.wait { state -> Read?? in
            if let read = state.reads.popFirst() { return .some(read) }
            return state.isClosed ? .some(nil) : nil
        } ?? nil
    }

    enum PutResult { case queued, full, closed }

    /// Has a thread run `read`.
    func put(_ read: @escaping Read) -> PutResult {
        monitor.change { state in
            if state.isClosed { return .closed }
            if state.reads.count >= Self.queuedCount { return .full }
            state.reads.append(read)
            return .queued
        }
    }

    /// Runs the reads that wait, and ends the threads.
    func end() {
        monitor.change { $0.isClosed = true }
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        // A reader may be the one that lets go of the last reference.
        for thread in running where !thread.isCurrent { thread.join() }
    }
}
