import KeyIndex
import Ledger
import MerkleTree
import StorageIO
import Synchronization

/// The way of a write, from the queue to the answer.
///
/// ```
/// append ─► queue ─► committer: frame written, synchronized; tree files written
///                        └─► publisher: keys indexed; snapshot published; callers answered
/// ```
///
/// A small group that nobody waits behind is published by the committer itself.
///
/// All that waits when the committer comes back is one group: one frame, one fdatasync. While the
/// publisher works on a group, the committer synchronizes the next one. What happens in which
/// order, and when writing stops for good, is decided here; how, by the ledger and the views.
final class CommitPipeline: Sendable {
    /// Memory of the entries that may wait: 256 MiB. Some of the largest messages of the wire, or
    /// 10^6 small entries (about 100 bytes and their contents each); more than that waits longer
    /// than any caller does.
    private static let queuedByteCount = 256 << 20
    /// Groups between committer and publisher: one in work, one ready, so that neither waits for
    /// the other.
    private static let publishedGroupCount = 2

    let storage: Storage
    let durability: Durability
    private let queue = BlockingQueue<CommitUnit>(capacity: CommitPipeline.queuedByteCount)
    private let committed = BlockingQueue<CommitGroup>(capacity: CommitPipeline.publishedGroupCount)
    private let checkpoints = BlockingQueue<TreeSize>(capacity: 1 << 20)
    private let published: Mutex<Snapshot>
    /// Groups that the publisher has, or will get.
    private let unpublishedGroupCount = Atomic(0)
    /// The most entries that the committer publishes itself.
    private static let inlineEntryCount = 16
    private let stopReason = Mutex<StoreError?>(nil)
    private let threads = Mutex<[WorkerThread]>([])

    init(storage: Storage, tree: MerkleAccumulator, durability: Durability) {
        self.storage = storage
        self.durability = durability
        published = Mutex(Snapshot(storage: storage, tree: tree, edge: tree.edge))
    }

    var snapshot: Snapshot { published.withLock { $0 } }

    /// Why no more writes are taken, if that is so.
    var failure: StoreError? { stopReason.withLock { $0 } }

    func start() throws(StoreError) {
        let committer = Committer(pipeline: self, tree: snapshot.tree)
        var started: [WorkerThread] = []
        do throws(StoreError) {
            // From the end of the pipeline on, so that each stage has its reader.
            started.append(try WorkerThread(name: "checkpointer") { self.runCheckpoints() })
            started.append(try WorkerThread(name: "publisher") { self.runPublisher() })
            started.append(try WorkerThread(name: "committer") { committer.run() })
        } catch {
            close()
            for thread in started { thread.join() }
            throw error
        }
        threads.withLock { $0 = started }
    }

    /// Queues a unit; its completion is called once in any case.
    func append(_ unit: CommitUnit) {
        if let failure { return unit.completion(.failure(failure)) }
        switch queue.put(unit, weight: unit.weight) {
        case .queued: break
        case .closed:
            unit.completion(.failure(StoreError(.closed, "the database \(storage.path) is closed")))
        case .full:
            unit.completion(
                .failure(StoreError(.overloaded, "too many writes are waiting; try again later")))
        }
    }

    /// Takes no more writes, finishes those that wait, and ends the threads.
    func drain() {
        queue.close()
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        // The committer ends with its queue and closes the publisher's, which closes the
        // checkpointer's.
        for thread in running.reversed() { thread.join() }
    }

    private func close() {
        queue.close()
        committed.close()
        checkpoints.close()
    }

    /// Stops all writing for good: what the disk holds is unknown until the ledger is opened again.
    func stop(_ cause: StoreError) -> StoreError {
        let error = StoreError(
            .writesStopped,
            "the database \(storage.path) takes no more writes since one failed; reads go on. Mend the "
                + "cause and restart. Cause",
            cause: cause)
        let isFirst = stopReason.withLock { reason in
            defer { reason = reason ?? error }
            return reason == nil
        }
        if isFirst { storage.log(.error, "\(error)") }
        return error
    }

    // MARK: between the committer and the publisher

    /// The units that wait, at least one; nil at the end. An empty array after the timeout.
    func nextUnits(timeoutMilliseconds: Int?) -> [CommitUnit]? {
        queue.takeAll(timeoutMilliseconds: timeoutMilliseconds)
    }

    /// Has a durable group published, by the publisher or, where that is quicker, at once.
    ///
    /// With few writers there is nothing that the committer could do meanwhile, and waking another
    /// thread takes longer than publishing: a lone writer waits for the disk only.
    func publish(_ group: CommitGroup) {
        let isAlone = unpublishedGroupCount.load(ordering: .acquiring) == 0 && queue.isEmpty
        if isAlone && group.keys.count <= Self.inlineEntryCount { return publishNow(group) }
        unpublishedGroupCount.add(1, ordering: .relaxed)
        let isTaken = committed.putWaiting(group)
        precondition(isTaken, "the committer closes this queue, after its last group")
    }

    func endOfCommits() {
        committed.close()
    }

    // MARK: the publisher

    private func runPublisher() {
        while let groups = committed.takeAll() {
            for group in groups {
                publishNow(group)
                unpublishedGroupCount.subtract(1, ordering: .releasing)
            }
        }
        checkpoints.close()
    }

    /// By one thread at a time: the publisher, or the committer when the publisher has nothing to do.
    private func publishNow(_ group: CommitGroup) {
        if let failure { return group.fail(failure) }
        do throws(StoreError) {
            try storage.withIndex { index throws(StoreError) in try index.apply(group.keys) }
        } catch {
            // The entries are durable, but nobody could find them: not acknowledged.
            return group.fail(stop(error))
        }
        let snapshot = Snapshot(storage: storage, tree: group.tree, edge: group.edge)
        published.withLock { $0 = snapshot }
        group.succeed(snapshot)
        // So often that few entries are left to digest again after a crash.
        let first = group.first.rawValue / Self.checkpointEntryCount
        if snapshot.size.rawValue / Self.checkpointEntryCount > first {
            _ = checkpoints.put(snapshot.size)
        }
    }

    // MARK: the checkpointer

    private static let checkpointEntryCount: UInt64 = 1 << 16

    /// Makes the tree files durable now and then. They are views: a failure costs time at the next
    /// opening.
    private func runCheckpoints() {
        while let sizes = checkpoints.takeAll() {
            guard let size = sizes.last else { continue }
            do throws(StoreError) {
                try storage.tree.checkpoint(size)
            } catch {
                // A second sync would prove nothing about the bytes of the first.
                storage.tree.markDamaged()
                storage.log(
                    .warning, "the tree files will be made anew at the next start: \(error)")
            }
        }
    }
}
