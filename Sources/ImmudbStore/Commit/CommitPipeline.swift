import KeyIndex
import Ledger
import MerkleTree
import POSIX
import StorageIO
import Synchronization

/// The way of a write, from the queue to the answer.
///
/// ```
/// append ─► queue ─► committer: frame written, synchronized; tree files written
///                        └─► publisher: keys indexed; snapshot published; callers answered
///                                └─► upkeep: views made durable, and mended when they failed
/// ```
///
/// A small group that nobody waits behind is published by the committer itself.
///
/// What waits when the committer comes back is one group, up to a limit: one frame, one fdatasync.
/// While the publisher works on a group, the committer synchronizes the next one. What happens in which
/// order, and when writing stops for good, is decided here; how, by the ledger and the views.
final class CommitPipeline: Sendable {
    /// Memory of the entries that may wait: 256 MiB. Some of the largest messages of the wire, or
    /// 10^6 small entries (about 100 bytes and their contents each); more than that waits longer
    /// than any caller does.
    private static let queuedByteCount = 256 << 20
    /// What the publisher may have when the committer takes the next group. Half of a group: small
    /// groups follow each other at once, while a small write does not wait for two large ones.
    private static let unpublishedCost = CommitQueue.groupCost / 2

    let storage: Storage
    let durability: Durability
    private let queue = CommitQueue(byteLimit: CommitPipeline.queuedByteCount)
    // Bounded by `unpublishedCost` and one group.
    private let committed = BlockingQueue<CommitGroup>(capacity: .max)
    private let upkeep: Upkeep
    private let published: Mutex<Snapshot>
    /// What the groups cost that the publisher has, or will get.
    private let unpublishedCost = Monitor(0)
    /// The most entries that the committer publishes itself.
    private static let inlineEntryCount = 16
    private let stopReason = Mutex<StoreError?>(nil)
    private let threads = Mutex<[WorkerThread]>([])

    init(storage: Storage, tree: MerkleAccumulator, durability: Durability) {
        self.storage = storage
        self.durability = durability
        published = Mutex(Snapshot(storage: storage, tree: tree, edge: tree.edge))
        upkeep = Upkeep(storage: storage, size: tree.size)
    }

    var snapshot: Snapshot { published.withLock { $0 } }

    /// Why no more writes are taken, if that is so.
    var failure: StoreError? { stopReason.withLock { $0 } }

    func start() throws(StoreError) {
        let committer = Committer(pipeline: self, tree: snapshot.tree)
        storage.barrier.onFailure { [weak self] error in _ = self?.stop(error) }
        var started: [WorkerThread] = []
        do throws(StoreError) {
            // From the end of the pipeline on, so that each stage has its reader.
            started.append(try WorkerThread.start("upkeep") { self.upkeep.run() })
            started.append(try WorkerThread.start("publisher") { self.runPublisher() })
            started.append(try WorkerThread.start("committer") { committer.run() })
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
        switch queue.put(unit) {
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
        storage.upkeepCancellation.cancel()
        queue.close()
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        // The committer ends with its queue and closes the publisher's, which closes the
        // one of the upkeep.
        for thread in running.reversed() { thread.join() }
    }

    private func close() {
        queue.close()
        committed.close()
        upkeep.close()
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

    /// What callers are told of whom nothing was written.
    func refusal(for error: StoreError) -> StoreError {
        switch error.code {
        case .writesStopped: stop(error)
        case .noSpace, .tooLarge: error
        default:
            StoreError(
                .notStored,
                "the disk failed before anything was written; try again later", cause: error)
        }
    }

    // MARK: between the committer and the publisher

    /// See ``CommitQueue/takeGroup(timeoutMilliseconds:)``.
    func nextGroup(timeoutMilliseconds: Int?) -> [CommitUnit]? {
        unpublishedCost.wait { $0 <= Self.unpublishedCost ? () : nil }
        return queue.takeGroup(timeoutMilliseconds: timeoutMilliseconds)
    }

    /// Has a durable group published, by the publisher or, where that is quicker, at once.
    ///
    /// With few writers there is nothing that the committer could do meanwhile, and waking another
    /// thread takes longer than publishing: a lone writer waits for the disk only.
    func publish(_ group: CommitGroup) {
        let isAlone = unpublishedCost.read { $0 == 0 } && queue.isEmpty
        if isAlone && group.keys.count <= Self.inlineEntryCount { return publishNow(group) }
        unpublishedCost.change { $0 += group.cost }
        let result = committed.put(group)
        precondition(result == .queued, "the committer closes this queue, after its last group")
    }

    func endOfCommits() {
        committed.close()
    }

    // MARK: the publisher

    private func runPublisher() {
        while let groups = committed.takeAll() {
            for group in groups {
                publishNow(group)
                unpublishedCost.change { $0 -= group.cost }
            }
        }
        upkeep.close()
    }

    /// By one thread at a time: the publisher, or the committer when the publisher has nothing to do.
    ///
    /// The group is durable, so nothing fails its callers here, whatever has failed elsewhere.
    private func publishNow(_ group: CommitGroup) {
        storage.index.add(group.keys, upTo: group.tree.size)
        let snapshot = Snapshot(storage: storage, tree: group.tree, edge: group.edge)
        published.withLock { $0 = snapshot }
        group.succeed(snapshot)
        upkeep.note(snapshot.size, after: group.first)
    }
}
