import ImmudbModel
import Ledger
import MerkleTree
import StorageIO

/// Writes one segment again: the frames that are whole and lead to their roots as they are, and the entries of the other
/// copy in place of all others.
///
/// With a known history, a frame stays if its entries have the leaves of that history; its root is computed again.
struct SegmentRepair {
    let inspection: LedgerInspection
    let segment: LedgerInspection.Segment
    let identity: DatabaseIdentity
    let source: any EntrySource
    /// Whether whole frames are compared with the other copy, too: after a root that does not follow from entries that
    /// look right.
    var comparesAll = false
    var history: KnownHistory?
    /// The index of the first entry behind the segment.
    let end: UInt64
    /// After so many bytes the segment ends before ``end``.
    var byteLimit = Int.max
    private(set) var tree: MerkleAccumulator
    /// The entries that came from the other copy.
    private(set) var replaced: [Range<UInt64>] = []
    /// Whether frames were dropped, or got another root.
    private(set) var hasOtherRoots = false
    /// Whether the segment is as it was.
    var isUnchanged: Bool { replaced.isEmpty && !hasOtherRoots }
    /// Whether a frame that was kept, with its root, follows the last entry that was replaced.
    private(set) var isFollowedByRoot = true

    /// - Parameter tree: the tree of all entries before the segment.
    init(
        _ segment: LedgerInspection.Segment, of inspection: LedgerInspection,
        identity: DatabaseIdentity, from source: any EntrySource, end: UInt64,
        after tree: MerkleAccumulator
    ) {
        self.inspection = inspection
        self.segment = segment
        self.identity = identity
        self.source = source
        self.end = end
        self.tree = tree
    }

    /// Begins the draft.
    func draft(fileSystem: any FileSystem) throws(StoreError) -> SegmentDraft {
        try SegmentDraft(
            head: SegmentHead(
                identity: identity, number: segment.number,
                firstIndex: EntryIndex(tree.size.rawValue), rootBefore: tree.root),
            directory: inspection.directory, fileSystem: fileSystem)
    }

    /// Goes through the segment. Without a known history, nothing proves yet that the entries of the other copy are right.
    ///
    /// - Parameter draft: where the frames go; nil to find out only what would be changed.
    /// - Throws: `corruption` if the other copy lacks an entry that is needed, or has another one than the known history.
    mutating func run(writingTo draft: SegmentDraft?) throws(StoreError) {
        if segment.isFile { try copyFrames(to: draft) }
        try take(upTo: end, to: draft)
    }

    private mutating func copyFrames(to draft: SegmentDraft?) throws(StoreError) {
        try inspection.forEachValidFrame(of: segment, identity: identity) {
            frame throws(StoreError) in
            let first = frame.firstIndex.rawValue
            guard let frameEnd = frame.end?.rawValue, first >= tree.size.rawValue, frameEnd <= end
            else { return }
            try take(upTo: first, to: draft)
            guard let next = try keep(frame) else {
                return try take(upTo: frameEnd, to: draft)
            }
            if next.root == frame.root {
                try draft?.append(frame)
                isFollowedByRoot = true
            } else {
                // Without entries it only marks a clean close, of another history.
                hasOtherRoots = true
                try draft?.append(
                    frame.entries, root: next.root, timeMicroseconds: frame.timeMicroseconds)
            }
            tree = next
        }
    }

    /// Returns the tree after a frame if its entries can stay.
    private func keep(_ frame: borrowing FrameView) throws(StoreError) -> MerkleAccumulator? {
        var next = tree
        var isWhole = true
        try frame.forEachEntry { entry throws(StoreError) in
            let leaf = entry.leaf
            isWhole = isWhole && entry.hasValidChecksum
            if let known = try history?.leaf(entry.index.rawValue), known != leaf {
                isWhole = false
            }
            next.append(leaf)
        }
        guard isWhole else { return nil }
        if history != nil { return next }
        // Where roots do not follow from the entries before, a frame stays if the other copy has the same entries.
        if !comparesAll || frame.count == 0 { return next.root == frame.root ? next : nil }
        var other = tree
        let last = try source.forEachGroup(in: tree.size.rawValue..<next.size.rawValue) { group in
            for entry in group.entries { other.append(entry.leaf) }
            return true
        }
        let isSame = last < next.size.rawValue || other.root == next.root
        return isSame && next.root == frame.root ? next : nil
    }

    /// Takes entries from the other copy.
    private mutating func take(
        upTo end: UInt64, to draft: SegmentDraft?
    ) throws(StoreError) {
        let first = tree.size.rawValue
        guard first < end else { return }
        let last = try source.forEachGroup(in: first..<end) { group throws(StoreError) in
            for entry in group.entries { try append(entry) }
            try draft?.append(
                group.entries, root: tree.root, timeMicroseconds: group.timeMicroseconds)
            return draft.map { $0.byteCount < byteLimit } ?? true
        }
        guard last == end || draft.map({ $0.byteCount >= byteLimit }) == true else {
            throw StoreError(
                .corruption,
                "\(segment.path): the other copy has no whole entry \(last), which is needed")
        }
        isFollowedByRoot = false
        if let previous = replaced.last, previous.upperBound == first {
            replaced[replaced.count - 1] = previous.lowerBound..<last
        } else {
            replaced.append(first..<last)
        }
    }

    private mutating func append(_ entry: LedgerEntry) throws(StoreError) {
        let leaf = entry.leaf
        if let history, try history.leaf(entry.index.rawValue) != leaf {
            throw StoreError(
                .corruption,
                "\(segment.path): the other copy has another entry \(entry.index) than the tree, which is proven"
            )
        }
        tree.append(leaf)
    }
}

extension LedgerEntry {
    var leaf: Digest { .leaf(index: index, key: key, value: value) }
}

extension FrameView {
    /// A copy of the entries.
    fileprivate var entries: [LedgerEntry] {
        var entries: [LedgerEntry] = []
        forEachEntry { entries.append(LedgerEntry($0)) }
        return entries
    }
}
