import MerkleTree
import POSIX
import StorageIO
import Synchronization

/// The last stage of the pipeline, on a thread of its own: makes the views durable now and then, and
/// mends them when they failed, until that succeeds. Nobody waits for it.
final class Upkeep: Sendable {
    private struct Work: OptionSet {
        let rawValue: UInt8
        static let checkpoint = Work(rawValue: 1)
        static let bringBackIndex = Work(rawValue: 2)
        static let rewriteTree = Work(rawValue: 4)
    }

    /// So often that few entries are left to digest again after a crash.
    private static let checkpointEntryCount: UInt64 = 1 << 16
    private static let firstRetryMilliseconds = 200
    private static let lastRetryMilliseconds = 30_000

    private let storage: Storage
    private let publishedSize: Atomic<UInt64>
    /// What is to be done, as the raw value of a `Work`.
    private let wanted = Atomic<UInt8>(0)
    /// Wakes the thread.
    private let wakeUps = BlockingQueue<Void>(capacity: 1 << 10)

    init(storage: Storage, size: TreeSize) {
        self.storage = storage
        publishedSize = Atomic(size.rawValue)
        storage.tree.onDamage { [weak self] in self?.want(.rewriteTree) }
    }

    /// Hears of a published group.
    func note(_ size: TreeSize, after first: EntryIndex) {
        publishedSize.store(size.rawValue, ordering: .releasing)
        if size.rawValue / Self.checkpointEntryCount > first.rawValue / Self.checkpointEntryCount
            || storage.tree.hasPending
        {
            want(.checkpoint)
        }
        if storage.index.isBehind { want(.bringBackIndex) }
    }

    private func want(_ work: Work) {
        let before = wanted.bitwiseOr(work.rawValue, ordering: .acquiringAndReleasing).oldValue
        if before & work.rawValue == 0 { _ = wakeUps.put(()) }
    }

    func close() { wakeUps.close() }

    func run() {
        var open: Work = []
        var wait = Self.firstRetryMilliseconds
        while wakeUps.takeAll(timeoutMilliseconds: open.isEmpty ? nil : wait) != nil {
            open.formUnion(Work(rawValue: wanted.exchange(0, ordering: .acquiringAndReleasing)))
            if open.contains(.bringBackIndex),
                succeeds({ () throws(StoreError) in
                    try storage.index.catchUp()
                })
            {
                open.remove(.bringBackIndex)
            }
            if open.contains(.rewriteTree), succeeds(rewriteTree) {
                open.subtract([.rewriteTree, .checkpoint])
            }
            if open.contains(.checkpoint), !open.contains(.rewriteTree) {
                open.remove(.checkpoint)
                if !succeeds(checkpoint) { open.insert(.rewriteTree) }
            }
            wait =
                open.isEmpty
                ? Self.firstRetryMilliseconds : min(2 * wait, Self.lastRetryMilliseconds)
        }
    }

    private func succeeds(_ work: () throws(StoreError) -> Void) -> Bool {
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
