import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// Brings the views up to a ledger with damage, which is only read: the tree as far as its digests lead to a root that the
/// ledger holds, and the key index as far as keys can be read.
///
/// Of entries whose frames are damaged the digests come from the tree's files. They are believed if the tree leads to the
/// root of a later frame. Nothing is written before that is known, and to the ledger nothing at all.
struct DamagedCatchUp {
    private static let batchEntryCount = 4096

    struct Outcome {
        /// The tree of the entries that can be proven.
        var tree: MerkleAccumulator
        /// From the first entry whose frame is damaged to the last one.
        var inDamagedFrames: Range<EntryIndex>?
        /// From the first entry that the key index lacks, since its key is unknown, to the last one.
        var unindexed: Range<EntryIndex>?
    }

    let ledger: Ledger
    let view: TreeView
    let index: KeyIndex
    let register: DamageRegister
    let cancellation: Cancellation?

    /// Notes the entries that are not whole.
    ///
    /// - Throws: `cancelled`; the operating system's errors.
    func run() throws(StoreError) -> Outcome {
        let marked = try view.markedTree(upTo: ledger.size)
        var tree = try provenTree(from: marked)
        if tree.size < ledger.size, !marked.size.isEmpty {
            let other = try provenTree(from: MerkleAccumulator())
            if other.size > tree.size { tree = other }
        }
        return try bringUp(from: marked, to: tree)
    }

    /// Returns the largest tree that has the root which a frame holds. Writes nothing.
    private func provenTree(
        from start: MerkleAccumulator
    ) throws(StoreError) -> MerkleAccumulator {
        var tree = start
        var proven = MerkleAccumulator()
        if tree.size == ledger.size, tree.root == ledger.root { proven = tree }
        let entries = ScannedEntries(ledger: ledger, view: view)
        try entries.forEach(from: start.size, to: ledger.size) { entry throws(StoreError) in
            tree.append(entry.leaf)
        } afterFrame: { root throws(StoreError) in
            try cancellation?.check()
            if tree.root == root { proven = tree }
        }
        return proven
    }

    /// Writes the records that the views lack of the proven entries, and looks for damage in the last segments.
    private func bringUp(
        from marked: MerkleAccumulator, to proven: MerkleAccumulator
    ) throws(StoreError) -> Outcome {
        var outcome = Outcome(tree: proven)
        var work = Work(
            tree: marked.size <= proven.size ? marked : MerkleAccumulator(),
            nextKey: index.completeSize)
        let entries = ScannedEntries(ledger: ledger, view: view)
        let start = min(work.tree.size, work.nextKey, ledger.recoveredFrom)
        try entries.forEach(from: start, to: proven.size) { entry throws(StoreError) in
            if entry.isInDamagedFrame { outcome.inDamagedFrames.include(entry.index) }
            if let damage = entry.damage {
                register.note(Damage(error: damage, entries: entry.index...entry.index))
            }
            if entry.key == nil, entry.index.rawValue >= work.nextKey.rawValue {
                outcome.unindexed.include(entry.index)
            }
            work.add(entry)
            if work.entryCount >= Self.batchEntryCount { try flush(&work) }
        } afterFrame: { _ throws(StoreError) in
            try cancellation?.check()
        }
        try flush(&work)
        return outcome
    }

    private func flush(_ work: inout Work) throws(StoreError) {
        if work.addition.entryCount > 0 { view.append(work.addition, from: work.first) }
        try index.applyRead(work.keys)
        work.reset()
    }

    /// Records that are not written to the views yet.
    private struct Work {
        var tree: MerkleAccumulator
        var nextKey: TreeSize
        /// The tree's size before `addition`.
        var first: TreeSize
        var addition = TreeAddition()
        var keys: [IndexedKey] = []

        init(tree: MerkleAccumulator, nextKey: TreeSize) {
            self.tree = tree
            self.nextKey = nextKey
            first = tree.size
        }

        var entryCount: Int { max(addition.entryCount, keys.count) }

        mutating func add(_ entry: ScannedEntry) {
            if entry.index.rawValue == tree.size.rawValue {
                addition.add(entry.leaf, at: entry.position, to: &tree)
            }
            if entry.index.rawValue == nextKey.rawValue {
                keys.append(entry.key ?? .unknown(at: entry.index))
                nextKey = TreeSize(nextKey.rawValue + 1)
            }
        }

        mutating func reset() {
            first = tree.size
            addition = TreeAddition()
            keys.removeAll(keepingCapacity: true)
        }
    }
}

extension Range<EntryIndex>? {
    /// Widens the range to one that contains an index behind it.
    fileprivate mutating func include(_ index: EntryIndex) {
        self = (self?.lowerBound ?? index)..<EntryIndex(index.rawValue + 1)
    }
}
