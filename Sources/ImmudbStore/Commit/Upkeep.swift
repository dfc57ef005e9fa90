import MerkleTree
import POSIX
import StorageIO
import Synchronization

/// The last stage of the pipeline, on a thread of its own: makes the views durable from time to time, and repairs them
/// after failures, until that succeeds. Nobody waits for it.
final class Upkeep: Sendable {
    private struct Work: OptionSet {
        let rawValue: UInt8
        static let checkpoint = Work(rawValue: 1)
        static let bringBackIndex = Work(rawValue: 2)
        static let rewriteTree = Work(rawValue: 4)
    }

    /// Often enough that few entries are left to digest again after a crash.
    private static let checkpointEntryCount: UInt64 = 1 << 16
    /// Work that has failed, and when it is tried again: after pauses that grow, however often it is requested
    /// meanwhile.
    private struct FailedWork {
        private static let firstPause = 200
        private static let lastPause = 30_000

        private(set) var work: Work = []
        private var pause = FailedWork.firstPause
        private var retryTime = ContinuousClock.now

        /// The time until the next attempt; nil if nothing has failed.
        var millisecondsToRetry: Int? {
            guard !work.isEmpty else { return nil }
            let left = retryTime - .now
            return max(0, Int(left / .milliseconds(1)) + 1)
        }

        /// Returns the requested and the failed work that is due now, and clears the failed work.
        mutating func takeDue(with new: Work) -> Work {
            if ContinuousClock.now < retryTime { return new.subtracting(work) }
            defer { work = [] }
            return new.union(work)
        }

        mutating func note(_ failed: Work) {
            if failed.isEmpty {
                if work.isEmpty { pause = Self.firstPause }
                return
            }
            work.formUnion(failed)
            retryTime = .now + .milliseconds(pause)
            pause = min(2 * pause, Self.lastPause)
        }
    }

    private let storage: Storage
    /// All its entries are in the ledger and in the tree's records.
    private let published: Mutex<MerkleAccumulator>
    /// The work to be done, as the raw value of a `Work`.
    private let wanted = Atomic<UInt8>(0)
    /// Wakes the thread.
    private let wakeUps = BlockingQueue<Void>(capacity: 1 << 10)

    init(storage: Storage, tree: MerkleAccumulator) {
        self.storage = storage
        published = Mutex(tree)
        storage.tree.onDamage { [weak self] in self?.want(.rewriteTree) }
        storage.index.onDamage { [weak self] in self?.want(.bringBackIndex) }
    }

    /// Notes a published group, and requests work that is due.
    func note(_ tree: MerkleAccumulator, after first: EntryIndex) {
        published.withLock { $0 = tree }
        let size = tree.size
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
        var failed = FailedWork()
        while wakeUps.takeAll(timeoutMilliseconds: failed.millisecondsToRetry) != nil {
            let new = Work(rawValue: wanted.exchange(0, ordering: .acquiringAndReleasing))
            let due = failed.takeDue(with: new)
            if !due.isEmpty { failed.note(perform(due, insteadOfCheckpoint: failed.work)) }
        }
    }

    /// Performs work and returns the part that failed.
    ///
    /// - Parameter waiting: work that failed before and is not tried now. A checkpoint would declare a damaged tree
    ///   valid.
    private func perform(_ due: Work, insteadOfCheckpoint waiting: Work) -> Work {
        var failed: Work = []
        if due.contains(.bringBackIndex),
            !succeeds({ () throws(StoreError) in try storage.index.catchUp() })
        {
            failed.insert(.bringBackIndex)
        }
        if due.contains(.rewriteTree) {
            if !succeeds(rewriteTree) { failed.insert(.rewriteTree) }
        } else if due.contains(.checkpoint), !waiting.contains(.rewriteTree) {
            if !succeeds(checkpoint) {
                failed.formUnion(perform(.rewriteTree, insteadOfCheckpoint: waiting))
            }
        }
        return failed
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
            let end = publishedTree.size
            try storage.barrier.synchronize()
            try storage.tree.checkpoint(end)
        } catch {
            // A second sync would not prove anything about the bytes of the first.
            storage.log(.warning, "\(error). The tree files are written again from the ledger")
            throw error
        }
    }

    private func rewriteTree() throws(StoreError) {
        let tree = publishedTree
        try storage.barrier.synchronize()
        do throws(StoreError) {
            try TreeRewrite(storage: storage).run(to: tree)
            storage.log(.info, "\(storage.path)/tree is written again, \(tree.size) entries")
        } catch  where [.corruption, .tampered].contains(error.code) {
            // Another attempt would read the whole ledger for the same result.
            storage.log(
                .error,
                "\(storage.path)/tree cannot be written again, since the ledger is damaged: some entries cannot "
                    + "be proven")
        }
    }

    private var publishedTree: MerkleAccumulator { published.withLock { $0 } }
}
