import POSIX
import StorageIO
import Synchronization

/// Threads for the reads of tasks, which must not block the threads that tasks run on.
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

    /// Runs `read` on a thread of its own kind.
    func run<Value: Sendable>(
        _ read: @escaping @Sendable () throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let queue = queues[
            (next.wrappingAdd(1, ordering: .relaxed).newValue & Int.max) % queues.count]
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            let put = queue.put { continuation.resume(returning: Result(catching: read)) }
            switch put {
            case .queued: break
            case .closed:
                continuation.resume(
                    returning: .failure(StoreError(.closed, "the database is closed")))
            case .full:
                continuation.resume(
                    returning: .failure(StoreError(.overloaded, "too many reads are waiting")))
            }
        }
        return try result.get()
    }

    func end() {
        for queue in queues { queue.close() }
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in running { thread.join() }
    }
}
