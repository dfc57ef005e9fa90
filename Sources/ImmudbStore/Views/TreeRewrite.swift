import Ledger
import MerkleTree
import StorageIO

/// Writes the tree files again from the ledger, while reads and writes go on: after a failed
/// synchronization, when nobody knows what the disk holds behind the last mark, and when a digest
/// was found to be damaged.
///
/// The committer writes behind `end` meanwhile; up to it the same bytes are written that were there.
struct TreeRewrite {
    private static let batchEntryCount = 4096

    let storage: Storage

    /// Writes and checkpoints the records of the entries from the files' marks up to `end`.
    ///
    /// - Precondition: the entries before `end` are durable and in the view.
    /// - Throws: the operating system's errors; `corruption` of the ledger. The files stay as they
    ///   are then, and this may be tried again.
    /// - Complexity: about 2 µs and the reading of an entry.
    func run(to end: TreeSize) throws(StoreError) {
        let view = storage.tree
        for file in [view.digests, view.positions] { try file.writePending() }
        let damageCounts = (view.digests.damageCount, view.positions.damageCount)
        let start = try storage.tree.markedTree(upTo: end)
        do throws(StoreError) {
            try rewrite(start, to: end)
        } catch  where error.code == .corruption && !start.size.isEmpty {
            // The digests that the marked part leads to may be what is wrong.
            try rewrite(MerkleAccumulator(), to: end)
        }
        try view.digests.checkpointRewritten(end.nodeCount, since: damageCounts.0)
        try view.positions.checkpointRewritten(end.rawValue, since: damageCounts.1)
    }

    private func rewrite(
        _ start: MerkleAccumulator, to end: TreeSize
    ) throws(StoreError) {
        var tree = start
        var first = start.size
        var addition = TreeAddition()
        let view = storage.tree
        try storage.ledger.forEachFrame(
            from: EntryIndex(start.size.rawValue), to: EntryIndex(end.rawValue)
        ) { frame throws(StoreError) in
            try storage.upkeepCancellation.check()
            frame.forEachEntry { entry in
                guard entry.index.rawValue == tree.size.rawValue else { return }
                let leaf = Digest.leaf(index: entry.index, key: entry.key, value: entry.value)
                addition.add(leaf, at: entry.position, to: &tree)
            }
            guard tree.root == frame.root else {
                throw StoreError(
                    .corruption,
                    "\(view.digests.path): the tree files do not lead to the ledger's roots")
            }
            if addition.entryCount >= Self.batchEntryCount {
                try view.rewrite(addition, from: first)
                first = tree.size
                addition = TreeAddition()
            }
        }
        try view.rewrite(addition, from: first)
    }
}

extension TreeView {
    /// The tree up to where both files are complete for sure, but not beyond `end`.
    func markedTree(upTo end: TreeSize) throws(StoreError) -> MerkleAccumulator {
        let size = TreeSize(min(positions.mark, end.rawValue))
        guard digests.mark >= size.nodeCount else { return MerkleAccumulator() }
        var peaks: [Digest] = []
        do throws(StoreError) {
            for position in size.peaks { peaks.append(try uncheckedNode(position)) }
        } catch  where error.code == .corruption {
            return MerkleAccumulator()
        }
        return MerkleAccumulator(size: size, peaks: peaks)
    }
}
