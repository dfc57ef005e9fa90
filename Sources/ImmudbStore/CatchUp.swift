import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// Brings the tree files and the key index up to the ledger, each from its own mark, in one pass; then checks
/// the tree's root against the one that the ledger holds.
struct CatchUp {
    private static let batchEntryCount = 4096

    private let storage: Storage
    private let ledger: Ledger
    private let view: TreeView

    init(_ storage: Storage) {
        self.storage = storage
        ledger = storage.ledger
        view = storage.tree
    }

    /// - Returns: the tree of all entries.
    func run() throws(StoreError) -> MerkleAccumulator {
        let tree = try bringUp(treeFrom: try treeMark())
        if tree.root == ledger.root { return tree }
        storage.log(.warning, "the tree files do not lead to the ledger's root; they are made anew")
        let again = try bringUp(treeFrom: MerkleAccumulator())
        guard again.root == ledger.root else {
            throw StoreError(
                .tampered,
                "\(storage.path): the entries have the root \(again.root.hex), but the ledger holds "
                    + "\(ledger.root.hex): somebody changed entries. Nothing was changed now. Restore the "
                    + "folder from a backup and compare the two")
        }
        return again
    }

    /// The part of the tree that the files hold for sure; empty if they hold more than the ledger does.
    private func treeMark() throws(StoreError) -> MerkleAccumulator {
        let entries = view.places.markAtOpen
        let size = TreeSize(rawValue: min(entries, ledger.size.rawValue)) ?? TreeSize(0)
        guard entries <= ledger.size.rawValue, view.digests.markAtOpen >= size.nodeCount else {
            return MerkleAccumulator()
        }
        var peaks: [Digest] = []
        do throws(StoreError) {
            for position in size.peaks { peaks.append(try view.uncheckedNode(position)) }
        } catch where error.code == .corruption {
            return MerkleAccumulator()
        }
        return MerkleAccumulator(size: size, peaks: peaks)
    }

    private func bringUp(treeFrom start: MerkleAccumulator) throws(StoreError) -> MerkleAccumulator {
        // Stale records behind the ledger's end would look like witnesses of entries later.
        try view.digests.truncate(to: ledger.size.nodeCount)
        try view.places.truncate(to: ledger.size.rawValue)
        var work = Work(tree: start, treeFirst: start.size, index: storage.index)
        let from = min(start.size, storage.index.completeSize)
        guard from < ledger.size else { return start }
        var progress = Progress(storage: storage, from: from, to: ledger.size)
        try view.reserve(ledger.size)
        try ledger.forEachFrame(from: EntryIndex(from.rawValue)) { frame throws(StoreError) in
            try frame.forEachEntry { entry throws(StoreError) in
                work.add(entry, view)
                if work.isFull(Self.batchEntryCount) { try flush(&work) }
            }
            progress.note(EntryIndex(frame.firstIndex.rawValue + UInt64(frame.count)))
        }
        try flush(&work)
        progress.end()
        return work.tree
    }

    private func flush(_ work: inout Work) throws(StoreError) {
        if !work.addition.places.isEmpty { try view.append(work.addition, from: work.treeFirst) }
        if !work.keys.isEmpty { try storage.index.apply(work.keys) }
        work.reset()
    }

    /// What was read from the ledger and is not written to the views yet.
    private struct Work {
        var tree: MerkleAccumulator
        /// The tree's size before `addition`.
        var treeFirst: TreeSize
        var addition = TreeAddition()
        var keys: [IndexedKey] = []
        private var nextKey: TreeSize

        init(tree: MerkleAccumulator, treeFirst: TreeSize, index: KeyIndex) {
            self.tree = tree
            self.treeFirst = treeFirst
            nextKey = index.completeSize
        }

        mutating func add(_ entry: FrameView.EntryView, _ view: TreeView) {
            if entry.index.rawValue == tree.size.rawValue {
                let leaf = Digest.leaf(index: entry.index, key: entry.key, value: entry.value)
                addition.add(leaf, at: entry.position, to: &tree, view: view)
            }
            if entry.index.rawValue == nextKey.rawValue {
                keys.append(
                    IndexedKey(
                        key: Array(entry.key),
                        place: EntryPlace(
                            index: entry.index, kind: entry.kind, position: entry.position.packed,
                            length: UInt32(entry.byteCount)),
                        memberLength: entry.kind == EntryKind.sortedSetMember.rawValue
                            ? entry.value.count : 0))
                nextKey = TreeSize(nextKey.rawValue + 1)
            }
        }

        func isFull(_ limit: Int) -> Bool { keys.count >= limit || addition.places.count >= limit }

        mutating func reset() {
            treeFirst = tree.size
            addition = TreeAddition()
            keys.removeAll(keepingCapacity: true)
        }
    }

    /// Says in the log how far the work is, when it takes long.
    private struct Progress {
        let storage: Storage
        let from: TreeSize
        let to: TreeSize
        private let clock = ContinuousClock()
        private var last: ContinuousClock.Instant
        private let start: ContinuousClock.Instant

        init(storage: Storage, from: TreeSize, to: TreeSize) {
            self.storage = storage
            self.from = from
            self.to = to
            start = clock.now
            last = start
        }

        mutating func note(_ next: EntryIndex) {
            guard clock.now - last >= .seconds(2) else { return }
            last = clock.now
            let done = next.rawValue - from.rawValue
            let total = to.rawValue - from.rawValue
            storage.log(
                .info, "\(storage.path): indexing, \(done) of \(total) entries (\(done * 100 / total) %)")
        }

        func end() {
            storage.log(
                .info,
                "\(storage.path): indexed the entries \(from) to \(to.rawValue - 1) in "
                    + "\((clock.now - start) / .milliseconds(1)) ms")
        }
    }
}
