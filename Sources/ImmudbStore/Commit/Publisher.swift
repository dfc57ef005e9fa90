import KeyIndex
import MerkleTree
import POSIX
import StorageIO
import Synchronization

/// The second stage of the pipeline: puts the keys of durable groups into the key index, publishes the new
/// snapshot, and answers the callers.
final class Publisher: Sendable {
    /// The most cost of groups that may wait here when the committer takes the next group. Half of a group: small
    /// groups follow each other at once, while a small write does not wait for two large ones.
    private static let waitingCostLimit = CommitQueue.groupCost / 2
    /// The most entries that the committer's thread publishes itself.
    private static let inlineEntryCount = 16

    private let storage: Storage
    private let upkeep: Upkeep
    // Bounded by `waitingCostLimit` and one group.
    private let groups = BlockingQueue<CommitGroup>(capacity: .max)
    /// The cost of the groups that wait or are being published.
    private let waitingCost = Monitor(0)
    let published: PublishedSnapshot

    /// - Parameter published: where snapshots are published; nil for a place of its own.
    init(
        storage: Storage, tree: MerkleAccumulator, upkeep: Upkeep,
        to published: PublishedSnapshot? = nil
    ) {
        self.storage = storage
        self.upkeep = upkeep
        let first = Snapshot(storage: storage, tree: tree, edge: tree.edge)
        published?.publish(first)
        self.published = published ?? PublishedSnapshot(first)
    }

    /// The newest published snapshot.
    var snapshot: Snapshot { published.snapshot }

    // MARK: the committer's side

    /// Waits until the cost of waiting groups is low enough for another group.
    func waitForRoom() {
        waitingCost.wait { $0 <= Self.waitingCostLimit ? () : nil }
    }

    /// Publishes a durable group: on this stage's thread or, if that is faster, at once.
    ///
    /// With few writers the committer has nothing else to do meanwhile, and waking another thread takes longer than
    /// publishing: a single writer waits only for the disk.
    ///
    /// - Parameter nobodyWaits: whether the committer has nothing else to do.
    func publish(_ group: CommitGroup, nobodyWaits: Bool) {
        let isIdle = nobodyWaits && waitingCost.read { $0 == 0 }
        if isIdle && group.keys.count <= Self.inlineEntryCount { return publishNow(group) }
        waitingCost.change { $0 += group.cost }
        let result = groups.put(group)
        precondition(result == .queued, "the committer closes this queue, after its last group")
    }

    /// Accepts no more groups; those that wait are published, then ``run()`` ends.
    func close() { groups.close() }

    // MARK: the thread

    /// Publishes groups until ``close()``, then ends the upkeep.
    func run() {
        while let groups = groups.takeAll() {
            for group in groups {
                publishNow(group)
                waitingCost.change { $0 -= group.cost }
            }
        }
        upkeep.close()
    }

    /// Publishes a group. Called by one thread at a time: this stage's, or the committer's when this one is idle.
    ///
    /// The group is durable, so nothing fails its callers here, whatever has failed elsewhere.
    private func publishNow(_ group: CommitGroup) {
        storage.index.add(group.keys, upTo: group.tree.size)
        let snapshot = Snapshot(storage: storage, tree: group.tree, edge: group.edge)
        published.publish(snapshot)
        group.succeed(snapshot)
        upkeep.note(group.tree, after: group.first)
    }
}

/// The newest snapshot of a database: any thread reads it.
final class PublishedSnapshot: Sendable {
    private let current: Mutex<Snapshot>

    init(_ snapshot: Snapshot) { current = Mutex(snapshot) }

    var snapshot: Snapshot { current.withLock { $0 } }

    func publish(_ snapshot: Snapshot) { current.withLock { $0 = snapshot } }
}
