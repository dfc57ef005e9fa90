import ImmudbModel
import Ledger
import MerkleTree
import StorageIO

extension LedgerPass {
    /// Checks a frame whose checksums are valid: each entry, each node that it completes, and the root after it.
    mutating func check(
        _ frame: borrowing FrameView, _ segment: LedgerInspection.Segment
    ) throws(StoreError) {
        guard try follows(frame, segment) else { return }
        let before = state.tree
        var isEqual = true
        var isEndOfBatch = true
        try frame.forEachEntry { entry throws(StoreError) in
            let index = entry.index.rawValue
            if !entry.hasValidChecksum {
                add(
                    .checksum, segment, at: Int(entry.position.offset), entries: index..<index + 1,
                    key: Array(entry.key),
                    "the record fails its checksum, although that of its frame is valid")
            }
            note(entry, segment)
            try checkPosition(of: entry)
            isEqual = try append(entry.leaf) && isEqual
            isEndOfBatch = entry.isEndOfBatch
        }
        if !isEndOfBatch {
            add(
                .format, segment, at: frame.offset,
                entries: before.size.rawValue..<state.next, "the frame ends inside of a batch")
        }
        if isEqual, state.isAnchored, state.tree.root == frame.root {
            prove()
        } else {
            try judge(frame, after: before, segment)
        }
        try noteExpectedRoot(in: frame, after: before)
    }

    /// Checks that a frame begins with the next entry.
    private mutating func follows(
        _ frame: borrowing FrameView, _ segment: LedgerInspection.Segment
    ) throws(StoreError) -> Bool {
        let first = frame.firstIndex.rawValue
        guard let end = frame.end, first != state.next else { return frame.end != nil }
        guard first > state.next else {
            add(
                .digest, segment, at: frame.offset, entries: first..<end.rawValue,
                "the frame repeats entries that come earlier, although its checksums are valid")
            return false
        }
        add(
            .digest, segment, at: frame.offset, entries: state.next..<first,
            "the frame begins with entry \(first), although the checksums around are valid: somebody removed what "
                + "was before it")
        try fill(to: first)
        return true
    }

    private mutating func checkPosition(of entry: FrameView.EntryView) throws(StoreError) {
        let index = entry.index.rawValue
        guard let places, index < places.mark else { return }
        guard let stored = try places.position(index), stored != entry.position else { return }
        state.log.add(
            VerificationProblem(
                .view, places.path, at: places.offset(of: index), entries: index..<index + 1,
                "not the position of the entry"))
    }

    private mutating func prove() {
        state.provenSize = state.next
        state.log.closeMismatch()
    }

    // MARK: a frame that does not agree

    /// Finds out what is wrong: the tree file, entries of the frame, its root, or something before it.
    private mutating func judge(
        _ frame: borrowing FrameView, after before: MerkleAccumulator,
        _ segment: LedgerInspection.Segment
    ) throws(StoreError) {
        guard state.isAnchored else { return try anchor(at: frame) }
        if state.tree.root == frame.root {
            try nameWrongDigests(frame, after: before)
            return prove()
        }
        if state.log.hasOpenMismatch {
            return state.log.extendMismatch(by: UInt64(frame.count))
        }
        if let stored = try tree(of: frame, after: before, usesStored: true),
            stored.root == frame.root
        {
            try nameChangedEntries(frame, segment)
            state.tree = stored
            return prove()
        }
        if let stored = try storedTree(state.tree.size), stored.root == frame.root {
            add(
                .digest, segment, at: frame.offset, entries: state.provenSize..<state.next,
                "the root of this frame does not follow from the entries, although all checksums are valid; the "
                    + "tree file has nodes that lead to it: somebody changed one of these entries and its leaf"
            )
            state.log.hasUnexplainedRoot = true
            state.tree = stored
            return prove()
        }
        state.log.openMismatch(
            VerificationProblem(
                .digest, segment.path, at: frame.offset,
                entries: before.size.rawValue..<state.next,
                "the roots of these frames do not follow from the entries up to them, although all checksums are "
                    + "valid: somebody changed the roots, or an entry before entry \(state.next) with all that "
                    + "depends on it"), inSegment: segment.number)
    }

    /// After leaves were lost: takes the nodes of the tree file if they lead to the root of the frame.
    private mutating func anchor(at frame: borrowing FrameView) throws(StoreError) {
        guard anchoringCount < 16, let stored = try storedTree(state.tree.size) else { return }
        anchoringCount += 1
        guard stored.root == frame.root else { return }
        state.tree = stored
        state.isAnchored = true
        prove()
    }

    /// Returns the tree after a frame.
    ///
    /// - Parameter usesStored: whether to take the leaves from the tree file.
    /// - Returns: nil if the file does not have all of them.
    private func tree(
        of frame: borrowing FrameView, after before: MerkleAccumulator, usesStored: Bool,
        upTo size: TreeSize = .max
    ) throws(StoreError) -> MerkleAccumulator? {
        var tree: MerkleAccumulator? = before
        try frame.forEachEntry { entry throws(StoreError) in
            guard let current = tree, current.size < size else { return }
            if usesStored {
                guard let leaf = try storedLeaf(entry.index.rawValue) else {
                    tree = nil
                    return
                }
                tree?.append(leaf)
            } else {
                tree?.append(entry.leaf)
            }
        }
        return tree
    }

    private mutating func nameChangedEntries(
        _ frame: borrowing FrameView, _ segment: LedgerInspection.Segment
    ) throws(StoreError) {
        try frame.forEachEntry { entry throws(StoreError) in
            let index = entry.index.rawValue
            guard try storedLeaf(index) != entry.leaf else { return }
            add(
                .digest, segment, at: Int(entry.position.offset), entries: index..<index + 1,
                key: Array(entry.key),
                "the entry passes its checksums, but not its leaf, which leads to the root: somebody changed it"
            )
        }
    }

    /// Reports the digests of the tree file that differ from those of a frame's entries, which lead to its root.
    private mutating func nameWrongDigests(
        _ frame: borrowing FrameView, after before: MerkleAccumulator
    ) throws(StoreError) {
        guard let digests else { return }
        var tree = before
        try frame.forEachEntry { entry throws(StoreError) in
            var number = tree.size.nodeCount
            try digests.prepare(number, 64)
            var wrong: [(UInt64, NodePosition)] = []
            tree.append(entry.leaf) { position, digest in
                if number < digests.mark, let stored = digests.record(number),
                    Digest(loadingFrom: stored) != digest
                {
                    let leaf = Digest(loadingFrom: stored)
                    if position.level == 0, leaf.isWhollyDifferent(from: digest) {
                        otherLeafEnd = entry.index.rawValue + 1
                    }
                    wrong.append((number, position))
                }
                number += 1
            }
            for (number, position) in wrong {
                let what = position.level == 0 ? "leaf" : "node \(position)"
                state.log.add(
                    VerificationProblem(
                        .view, digests.path, at: digests.offset(of: number),
                        entries: entry.index.rawValue..<entry.index.rawValue + 1,
                        key: position.level == 0 ? Array(entry.key) : nil,
                        "the \(what) is not that of the ledger, whose entries lead to its root"))
            }
        }
    }

    /// Notes the root at the expected size, if that is within the frame.
    private mutating func noteExpectedRoot(
        in frame: borrowing FrameView, after before: MerkleAccumulator
    ) throws(StoreError) {
        guard let expectedSize, before.size < expectedSize, state.tree.size >= expectedSize,
            state.isAnchored
        else { return }
        if state.tree.size == expectedSize {
            state.rootAtExpectedSize = state.tree.root
            return
        }
        // The leaves are those that lead to the tree after the frame.
        for usesStored in [false, true] {
            guard let whole = try tree(of: frame, after: before, usesStored: usesStored),
                whole.root == state.tree.root
            else { continue }
            state.rootAtExpectedSize =
                try tree(
                    of: frame, after: before, usesStored: usesStored, upTo: expectedSize)?.root
            return
        }
    }
}
