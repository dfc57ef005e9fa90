import MerkleTree
import StorageIO
import Synchronization

/// The last stage of the pipeline, on a thread of its own: makes the views durable now and then, and
/// mends them when they failed, until that succeeds. Nobody waits for it.
final class Upkeep: Sendable {
    private enum Work: Sendable {
        case checkpoint, bringBackIndex, rewriteTree
    }

    /// So often that few entries are left to digest again after a crash.
    private static let checkpointEntryCount: UInt64 = 1 << 16
    private static let retryMilliseconds = 200

    private let storage: Storage
    private let publishedSize: Atomic<UInt64>
    private let queue = BlockingQueue<Work>(capacity: 1 << 10)

    init(storage: Storage, size: TreeSize) {
        self.storage = storage
        publishedSize = Atomic(size.rawValue)
        storage.tree.onDamage { [weak self] in _ = self?.queue.put(.rewriteTree) }
    }

    /// Hears of a published group. A full queue has the same work already.
    func note(_ size: TreeSize, after first: EntryIndex) {
        publishedSize.store(size.rawValue, ordering: .releasing)
        if size.rawValue / Self.checkpointEntryCount > first.rawValue / Self.checkpointEntryCount
            || storage.tree.hasPending
        {
            _ = queue.put(.checkpoint)
        }
        if storage.index.isBehind { _ = queue.put(.bringBackIndex) }
    }

    func close() { queue.close() }

    func run() {
        var open: Set<Work> = []
        while let work = queue.takeAll(
            timeoutMilliseconds: open.isEmpty ? nil : Self.retryMilliseconds)
        {
            open.formUnion(work)
            if open.contains(.bringBackIndex), isDone(storage.index.catchUp) {
                open.remove(.bringBackIndex)
            }
            if open.contains(.rewriteTree), isDone(rewriteTree) {
                open.subtract([.rewriteTree, .checkpoint])
            }
            if open.contains(.checkpoint), !open.contains(.rewriteTree) {
                open.remove(.checkpoint)
                if !isDone(checkpoint) { open.insert(.rewriteTree) }
            }
        }
    }

    private func isDone(_ work: () throws(StoreError) -> Void) -> Bool {
        do throws(StoreError) {
            try work()
            return true
        } catch {
            storage.log(.debug, "\(error)")
            return false
        }
    }

    private func checkpoint() throws(StoreError) {
        do throws(StoreError) {
            let end = publishedEnd
            try storage.barrier.synchronize()
            try storage.tree.checkpoint(end)
        } catch {
            // A second sync would prove nothing about the bytes of the first.
            storage.log(.warning, "\(error). The tree files are written again from the ledger")
            throw error
        }
    }

    private func rewriteTree() throws(StoreError) {
        let end = publishedEnd
        try storage.barrier.synchronize()
        try TreeRewrite(storage: storage).run(to: end)
        storage.log(.info, "\(storage.path)/tree is written again, \(end) entries")
    }

    /// All entries before it are in the ledger and in the tree's records.
    private var publishedEnd: TreeSize { TreeSize(publishedSize.load(ordering: .acquiring)) }
}
