import MerkleTree
import POSIX
import StorageIO
import Synchronization

/// The path of a write, from the queue to the answer.
///
/// ```
/// append ─► CommitQueue ─► Committer: CommitPlan, then FrameCommit: frame written, synchronized;
///                              │      tree files written
///                              └─► Publisher: keys indexed; snapshot published; callers answered
///                                      └─► Upkeep: views made durable, and repaired after failures
/// ```
///
/// A small group is published by the committer itself if nothing else waits.
///
/// The units that wait when the committer takes the next group are one group, up to a limit: one frame, one fdatasync.
/// While the publisher works on a group, the committer synchronizes the next one. Each stage knows only the next one;
/// this class makes them, starts their threads, and ends them.
final class CommitPipeline: Sendable {
    /// The memory of entries that may wait: 256 MiB. That is some of the largest messages of the wire, or 10^6 small
    /// entries (about 100 bytes and their contents each); more entries would wait longer than any caller does.
    private static let queuedByteCount = 256 << 20

    private let storage: Storage
    let durability: Durability
    private let queue = CommitQueue(byteLimit: CommitPipeline.queuedByteCount)
    private let publisher: Publisher
    private let upkeep: Upkeep
    private let writes: WriteStop
    private let observer: (any CommitObserver)?
    private let threads = Mutex<[WorkerThread]>([])

    init(
        storage: Storage, tree: MerkleAccumulator, durability: Durability,
        observer: (any CommitObserver)?, publishingTo published: PublishedSnapshot? = nil
    ) {
        self.storage = storage
        self.observer = observer
        self.durability = durability
        upkeep = Upkeep(storage: storage, tree: tree)
        publisher = Publisher(storage: storage, tree: tree, upkeep: upkeep, to: published)
        writes = WriteStop(path: storage.path, log: storage.log)
    }

    var snapshot: Snapshot { publisher.snapshot }
    var published: PublishedSnapshot { publisher.published }

    /// The reason why the database takes no more writes; nil if it takes them.
    var failure: StoreError? { writes.failure }

    /// Takes no writes from the beginning, since the ledger is damaged.
    func refuseWrites(_ damage: StoreError) { writes.refuseWrites(damage) }

    /// Takes no more writes, since the database cannot be opened again.
    func stopWrites(_ cause: StoreError) { writes.stop(cause) }

    func start() throws(StoreError) {
        storage.barrier.onFailure { [writes] error in writes.stop(error) }
        var started: [WorkerThread] = []
        do throws(StoreError) {
            // Starts at the end of the pipeline, so that each stage has its reader.
            started.append(try WorkerThread.start("upkeep") { [upkeep] in upkeep.run() })
            started.append(try WorkerThread.start("publisher") { [publisher] in publisher.run() })
            started.append(
                try WorkerThread.start("committer") {
                    [queue, storage, durability, publisher, writes, observer] in
                    Committer(
                        queue,
                        frames: LedgerCommit(storage, durability: durability, observer: observer),
                        view: storage.tree, publisher: publisher, writes: writes,
                        observer: observer
                    ).run()
                })
        } catch {
            queue.close()
            publisher.close()
            upkeep.close()
            for thread in started { thread.join() }
            throw error
        }
        threads.withLock { $0 = started }
    }

    var waitingWrites: WaitingWrites { queue.waitingWrites }

    /// Queues a unit. Its completion is called once in any case.
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
        // The committer ends with its queue and closes the publisher's; the publisher closes the upkeep's.
        for thread in running.reversed() { thread.join() }
    }
}
