import Ledger
import MerkleTree
import StorageIO

/// Writes the tree files again from the ledger, while reads and writes continue: after a failed synchronization, when
/// the content of the disk beyond the last mark is unknown, and when a digest was found to be damaged.
///
/// Meanwhile the committer writes beyond `end`; up to `end` the same bytes are written that were there.
struct TreeRewrite {
    private static let batchEntryCount = 4096

    let storage: Storage

    /// Writes and checkpoints the records of the entries from the files' marks up to the end of `published`; of all if
    /// they do not lead to its root.
    ///
    /// - Parameter published: the tree in memory, which no change of the files reaches.
    /// - Precondition: its entries are durable and in the view.
    /// - Throws: the operating system's errors: the files then stay as they are, and the caller may try again. `tampered`
    ///   and `corruption` if the ledger itself is damaged, which is noted as such: trying again would not help.
    /// - Complexity: about 2 µs and one read for each entry.
    func run(to published: MerkleAccumulator) throws(StoreError) {
        let view = storage.tree
        let end = published.size
        for file in [view.digests, view.positions] { try file.writePending() }
        let damageCounts = (view.digests.damageCount, view.positions.damageCount)
        let start = try storage.tree.markedTree(upTo: end)
        do throws(StoreError) {
            try rewrite(start, to: published)
        } catch  where error.code == .corruption && !start.size.isEmpty {
            // The digests of the marked part may be the damaged ones.
            try rewrite(MerkleAccumulator(), to: published)
        }
        try view.digests.checkpointRewritten(end.nodeCount, since: damageCounts.0)
        try view.positions.checkpointRewritten(end.rawValue, since: damageCounts.1)
    }

    private func rewrite(
        _ start: MerkleAccumulator, to published: MerkleAccumulator
    ) throws(StoreError) {
        var tree = start
        do throws(StoreError) {
            try rewrite(&tree, to: published.size)
        } catch  where error.code == .corruption && start.size.isEmpty {
            // Nothing but the ledger was read.
            let index = EntryIndex(tree.size.rawValue)
            storage.damage.note(Damage(error: error, entries: index...index))
            throw error
        }
        guard tree.size == published.size, tree.root == published.root else {
            throw start.size.isEmpty ? changed(tree, from: published) : wrongStart
        }
    }

    private func rewrite(_ tree: inout MerkleAccumulator, to end: TreeSize) throws(StoreError) {
        let start = tree.size
        var first = start
        var addition = TreeAddition()
        let view = storage.tree
        try storage.ledger.forEachFrame(
            from: EntryIndex(start.rawValue), to: EntryIndex(end.rawValue)
        ) { frame throws(StoreError) in
            try storage.upkeepCancellation.check()
            frame.forEachEntry { entry in
                guard entry.index.rawValue == tree.size.rawValue else { return }
                let leaf = Digest.leaf(index: entry.index, key: entry.key, value: entry.value)
                addition.add(leaf, at: entry.position, to: &tree)
            }
            guard tree.root == frame.root else {
                throw start.isEmpty ? changed(frame) : wrongStart
            }
            if addition.entryCount >= Self.batchEntryCount {
                try view.rewrite(addition, from: first)
                first = tree.size
                addition = TreeAddition()
            }
        }
        try view.rewrite(addition, from: first)
    }

    /// The error for digests before the mark that were read, unchecked, and are wrong, or belong to a changed ledger.
    private var wrongStart: StoreError {
        StoreError(
            .corruption,
            "\(storage.tree.digests.path): the tree files do not lead to the ledger's roots")
    }

    /// Notes that the ledger's entries do not have the root that is in memory, although the roots in the ledger fit
    /// them.
    private func changed(
        _ tree: MerkleAccumulator, from published: MerkleAccumulator
    ) -> StoreError {
        var entries = EntryIndex(0)...(published.size.lastIndex ?? EntryIndex(0))
        if tree.size == published.size,
            let peak = published.size.peaks.first(where: {
                tree.peak(at: $0) != published.peak(at: $0)
            })
        {
            entries = peak.firstLeaf...peak.lastLeaf
        }
        let error = StoreError(
            .tampered,
            "\(storage.path)/ledger: the \(published.size) entries do not have the root that they had when they were "
                + "written: somebody changed one of the entries \(entries.lowerBound) to \(entries.upperBound), and "
                + "the roots in the ledger with it")
        storage.damage.note(Damage(error: error, entries: entries))
        return error
    }

    /// Notes that entries, with the entries before them, do not have the root that the ledger holds beside them.
    private func changed(_ frame: borrowing FrameView) -> StoreError {
        let last = EntryIndex(frame.firstIndex.rawValue + UInt64(frame.count) - 1)
        let error = StoreError(
            .tampered,
            "\(storage.path)/ledger: the entries up to \(last) do not have the root that the ledger holds for "
                + "them: somebody changed one of the entries \(frame.firstIndex) to \(last)")
        storage.damage.note(Damage(error: error, entries: frame.firstIndex...last))
        return error
    }
}

extension TreeView {
    /// Returns the tree of the entries for which both files are certainly complete, at most `end`.
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
