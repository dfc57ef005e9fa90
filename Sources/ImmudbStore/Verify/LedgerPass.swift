import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// The pass of a check over the ledger: reads each segment once, from its head to its end, and recomputes every leaf,
/// node and root.
///
/// After damage it goes on with the next valid frame. It takes the leaves of what is missing from the tree file, and
/// the roots of later frames prove them. `LedgerPass+Segment` walks over a segment, `LedgerPass+Frame` judges a frame.
struct LedgerPass {
    struct State: Sendable {
        var tree = MerkleAccumulator()
        /// Whether the tree holds a leaf for each entry; false once leaves are nowhere to be found.
        var isAnchored = true
        /// The size of the tree at the last root that agreed.
        var provenSize: UInt64 = 0
        var log = ProblemLog()
        let hashKey: RecordHash.Key
        /// For each segment, the records that the key index should have.
        var sums: [RecordSum] = []
        /// The root over the first entries, as many as the expected root covers.
        var rootAtExpectedSize: Digest?

        init(hashKey: RecordHash.Key) { self.hashKey = hashKey }

        /// The index of the next entry.
        var next: UInt64 { tree.size.rawValue }
    }

    let inspection: LedgerInspection
    let identity: DatabaseIdentity
    /// The tree's files; nil if they are missing, damaged as a whole, or of another database.
    let digests: StoredRecords?
    let places: StoredRecords?
    /// Whether there is a key index to compare the entries with.
    let hashesRecords: Bool
    let expectedSize: TreeSize?
    /// How many entries the tree's files show to have been durable.
    let witnessedSize: UInt64
    var state: State
    /// How often the stored peaks were tried in this segment, after leaves were lost.
    var anchoringCount = 0
    /// The index after the last entry that passes, with its root, and has a wholly different leaf in the tree file.
    var otherLeafEnd: UInt64 = 0

    /// Checks one segment.
    mutating func check(_ segment: LedgerInspection.Segment) throws(StoreError) {
        state.sums.append(RecordSum())
        anchoringCount = 0
        switch segment.state {
        case .readable(let head):
            try checkHead(head, segment)
        case .unreadable(let error):
            add(
                error.code == .incompatibleFormat ? .format : .checksum, segment, at: 0,
                entries: state.next..<state.next, "\(error)")
        case .missing:
            return try skip(segment, .missing, "the segment is missing, and later ones are there")
        case .foreign(let other):
            return try skip(
                segment, .foreign, "the segment belongs to the database \(other)")
        case .occupied(let error):
            return try skip(segment, .missing, "\(error.message): the segment is gone")
        }
        try checkFrames(segment)
    }

    var isNewest: Bool { state.sums.count == inspection.segments.count }

    /// Reports a segment that holds nothing of this database.
    private mutating func skip(
        _ segment: LedgerInspection.Segment, _ kind: VerificationProblem.Kind, _ what: String
    ) throws(StoreError) {
        let end = end(of: segment) ?? state.next
        add(kind, segment, entries: state.next..<max(end, state.next), what)
        try fill(to: end)
    }

    /// Returns the index of the first entry that does not belong to the segment any more, as far as it is known.
    func end(of segment: LedgerInspection.Segment) -> UInt64? {
        if let next = inspection.end(of: segment) { return next.rawValue }
        return isNewest ? witnessedSize : nil
    }

    private mutating func checkHead(
        _ head: SegmentHead, _ segment: LedgerInspection.Segment
    ) throws(StoreError) {
        let first = head.firstIndex.rawValue
        if first > state.next {
            add(
                .missing, segment, at: SegmentHead.firstIndexOffset, entries: state.next..<first,
                "the segment begins with entry \(first), and the one before ends earlier")
            try fill(to: first)
        } else if first < state.next {
            try checkOverlap(head, segment)
            return
        }
        guard state.isAnchored, !state.log.hasOpenMismatch, head.rootBefore != state.tree.root
        else { return }
        state.log.hasUnexplainedRoot = true
        add(
            .digest, segment, at: SegmentHead.rootOffset, entries: first..<first,
            "the root in the segment's head is not that of the entries before it, although its checksum is valid: "
                + "somebody changed it, or an entry before")
    }

    /// An earlier release left an empty newest segment that the one before outgrew. The next start removes it.
    private mutating func checkOverlap(
        _ head: SegmentHead, _ segment: LedgerInspection.Segment
    ) throws(StoreError) {
        if isNewest {
            var reader = try inspection.reader(
                of: segment, identity: identity, firstIndex: head.firstIndex)
            if try reader.isAtEnd() {
                state.log.note(
                    "\(segment.path) holds no entry, and the segment before continues beyond its beginning: the "
                        + "next start removes it")
                return
            }
        }
        add(
            .digest, segment, at: SegmentHead.firstIndexOffset,
            entries: head.firstIndex.rawValue..<state.next,
            "the segment begins with entry \(head.firstIndex), before the end of the one before it, although its "
                + "checksum is valid")
    }

    // MARK: the log

    mutating func add(
        _ kind: VerificationProblem.Kind, _ segment: LedgerInspection.Segment,
        at offset: Int? = nil, entries: Range<UInt64>? = nil, key: [UInt8]? = nil, _ what: String
    ) {
        state.log.add(
            VerificationProblem(
                kind, segment.path, at: offset, entries: entries, key: key, what),
            inSegment: segment.number)
    }

    // MARK: the tree

    /// Adds a leaf and compares it, and the nodes that it completes, with the tree file up to its mark.
    ///
    /// - Returns: whether all of them are equal.
    mutating func append(_ leaf: Digest) throws(StoreError) -> Bool {
        var number = state.tree.size.nodeCount
        guard let digests, number < digests.mark else {
            state.tree.append(leaf)
            return true
        }
        // A leaf completes at most 63 nodes.
        try digests.prepare(number, 64)
        var isEqual = true
        state.tree.append(leaf) { _, digest in
            if number < digests.mark, let stored = digests.record(number),
                Digest(loadingFrom: stored) != digest
            {
                isEqual = false
            }
            number += 1
        }
        return isEqual
    }

    /// Returns the leaf that the tree file has for an entry, durable or not.
    func storedLeaf(_ index: UInt64) throws(StoreError) -> Digest? {
        guard let digests, index < digests.count else { return nil }
        return try digests.digest(NodePosition(leaf: EntryIndex(index)).storageIndex)
    }

    /// Returns the tree of a size as the tree file has it. Nothing shows yet that it is right.
    func storedTree(_ size: TreeSize) throws(StoreError) -> MerkleAccumulator? {
        try digests?.tree(size)
    }

    /// Adds the leaves of entries that cannot be read, from the tree file, up to before `end`.
    mutating func fill(to end: UInt64) throws(StoreError) {
        while state.next < end {
            guard let leaf = try storedLeaf(state.next) else { return lose(to: end) }
            let before = state.tree.size
            _ = try append(leaf)
            noteExpectedRoot(from: before)
        }
    }

    /// Goes on without the leaves of the entries before `end`.
    private mutating func lose(to end: UInt64) {
        guard let size = TreeSize(rawValue: end) else { return }
        state.isAnchored = false
        state.log.note(
            "the leaves of the entries \(state.next) to \(end - 1) are nowhere to be found: the roots after them "
                + "cannot be checked, unless the tree file leads to one")
        state.tree = MerkleAccumulator(
            size: size, peaks: Array(repeating: Digest.emptyTree, count: size.peaks.count))
    }

    /// Notes the root at the size of the expected one when the tree has it.
    mutating func noteExpectedRoot(from before: TreeSize) {
        guard let expectedSize, state.tree.size == expectedSize, before < expectedSize else {
            return
        }
        state.rootAtExpectedSize = state.isAnchored ? state.tree.root : nil
    }
}
