import POSIX
import StorageIO
import Synchronization

/// Threads for the reads of tasks, which must not block the threads that tasks run on. Databases can
/// share them.
final class ReaderThreads: Sendable {
    /// Reads that may wait for one thread; each belongs to a suspended task that holds its own
    /// memory.
    private static let queuedCount = 1 << 20

    private let queues: [BlockingQueue<@Sendable () -> Void>]
    private let threads: Mutex<[WorkerThread]>
    private let next = Atomic(0)

    init(count: Int) throws(StoreError) {
        queues = (0..<count).map { _ in BlockingQueue(capacity: Self.queuedCount) }
        threads = Mutex([])
        for (number, queue) in queues.enumerated() {
            do throws(StoreError) {
                let thread = try WorkerThread.start("reader \(number)") {
                    while let reads = queue.takeAll() {
                        for read in reads { read() }
                    }
                }
                threads.withLock { $0.append(thread) }
            } catch {
                end()
                throw error
            }
        }
    }

    /// Has a thread run `read`.
    func put(_ read: @escaping @Sendable () -> Void)
        -> BlockingQueue<@Sendable () -> Void>.PutResult
    {
        queues[(next.wrappingAdd(1, ordering: .relaxed).newValue & Int.max) % queues.count]
            .put(read)
    }

    /// Runs the reads that wait, and ends the threads.
    func end() {
        for queue in queues { queue.close() }
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in running { thread.join() }
    }
}

/// The reads of one database on threads that others may use, too.
final class Reads: Sendable {
    private struct State {
        /// Nil once the database takes no more reads.
        var threads: ReaderThreads?
        /// Reads that wait or run.
        var count = 0
    }

    private let monitor: Monitor<State>

    init(_ threads: ReaderThreads) { monitor = Monitor(State(threads: threads)) }

    /// Runs `read` on one of the threads.
    func run<Value: Sendable>(
        _ read: @escaping @Sendable () throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let threads = monitor.change { state in
            if state.threads != nil { state.count += 1 }
            return state.threads
        }
        guard let threads else { throw Self.closedError }
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            let put = threads.put {
                let result = Result(catching: read)
                self.monitor.change { $0.count -= 1 }
                continuation.resume(returning: result)
            }
            if put == .queued { return }
            monitor.change { $0.count -= 1 }
            continuation.resume(
                returning: .failure(
                    put == .closed
                        ? Self.closedError : StoreError(.overloaded, "too many reads are waiting")))
        }
        return try result.get()
    }

    private static let closedError = StoreError(.closed, "the database is closed")

    /// Takes no more reads, and waits for those that were taken.
    func end() {
        monitor.change { $0.threads = nil }
        monitor.wait { $0.count == 0 ? () : nil }
    }
}
