import POSIX

/// Computes the proofs of writes, one after the other, on its own thread.
///
/// The database's publisher tells each writer of a group that its entry is durable. If it computed
/// their proofs, the next group would wait. This thread takes all waiting work at once, so a whole
/// group costs one hand-over between threads.
final class ProofQueue: Sendable {
    // Bounded by the number of running calls: each writer has at most one proof here.
    private let queue = BlockingQueue<@Sendable () -> Void>(capacity: .max)

    /// - Throws: `Errno` if the system cannot start a thread.
    init() throws(Errno) {
        _ = try WorkerThread(name: "proofs") { [queue] in
            while let batch = queue.takeAll() {
                for work in batch { work() }
            }
        }
    }

    deinit { queue.close() }

    func run(_ work: @escaping @Sendable () -> Void) { _ = queue.put(work) }
}
