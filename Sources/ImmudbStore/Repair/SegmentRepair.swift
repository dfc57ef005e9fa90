import ImmudbModel
import Ledger
import MerkleTree
import StorageIO

/// Writes one segment again: the frames that are whole and lead to their roots as they are, and the entries of the other
/// copy in place of all others.
struct SegmentRepair {
    let inspection: LedgerInspection
    let segment: LedgerInspection.Segment
    let identity: DatabaseIdentity
    let source: EntrySource
    /// Whether whole frames are compared with the other copy, too: after a root that does not follow from entries that
    /// look right.
    let comparesAll: Bool
    /// The index of the first entry behind the segment.
    let end: UInt64
    private(set) var tree: MerkleAccumulator
    /// The entries that came from the other copy.
    private(set) var replaced: [Range<UInt64>] = []
    /// Whether a frame that was kept, with its root, follows the last entry that was replaced.
    private(set) var isFollowedByRoot = true

    /// - Parameter tree: the tree of all entries before the segment.
    init(
        _ segment: LedgerInspection.Segment, of inspection: LedgerInspection,
        identity: DatabaseIdentity, from source: EntrySource, comparesAll: Bool, end: UInt64,
        after tree: MerkleAccumulator
    ) {
        self.inspection = inspection
        self.segment = segment
        self.identity = identity
        self.source = source
        self.comparesAll = comparesAll
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

    /// Goes through the segment. Nothing proves yet that the entries of the other copy are right.
    ///
    /// - Parameter draft: where the frames go; nil to find out only what would be replaced.
    /// - Throws: `corruption` if the other copy lacks an entry that is needed.
    mutating func run(writingTo draft: SegmentDraft?) throws(StoreError) {
        switch segment.state {
        case .readable, .unreadable: try copyFrames(to: draft)
        case .missing, .foreign: break
        }
        try take(upTo: end, to: draft)
    }

    private mutating func copyFrames(to draft: SegmentDraft?) throws(StoreError) {
        try inspection.forEachValidFrame(of: segment, identity: identity) {
            frame throws(StoreError) in
            let first = frame.firstIndex.rawValue
            guard let frameEnd = frame.end?.rawValue, first >= tree.size.rawValue, frameEnd <= end
            else { return }
            try take(upTo: first, to: draft)
            if let next = try keep(frame) {
                try draft?.append(frame)
                tree = next
                isFollowedByRoot = true
            } else {
                try take(upTo: frameEnd, to: draft)
            }
        }
    }

    /// Returns the tree after a frame if the frame can stay.
    private func keep(_ frame: borrowing FrameView) throws(StoreError) -> MerkleAccumulator? {
        var next = tree
        var isWhole = true
        frame.forEachEntry { entry in
            isWhole = isWhole && entry.hasValidChecksum
            next.append(entry.leaf)
        }
        guard isWhole else { return nil }
        // Where roots do not follow from the entries before, a frame stays if the other copy has the same entries.
        if !comparesAll || frame.count == 0 { return next.root == frame.root ? next : nil }
        var other = tree
        let last = try source.forEachGroup(in: tree.size.rawValue..<next.size.rawValue) {
            entries, _ in
            for entry in entries { other.append(entry.leaf) }
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
        let last = try source.forEachGroup(in: first..<end) { entries, time throws(StoreError) in
            for entry in entries { tree.append(entry.leaf) }
            try draft?.append(entries, root: tree.root, timeMicroseconds: time)
        }
        guard last == end else {
            throw StoreError(
                .corruption,
                "\(segment.path): the other copy has no whole entry \(last), which is needed")
        }
        isFollowedByRoot = false
        if let previous = replaced.last, previous.upperBound == first {
            replaced[replaced.count - 1] = previous.lowerBound..<end
        } else {
            replaced.append(first..<end)
        }
    }
}

extension LedgerEntry {
    var leaf: Digest { .leaf(index: index, key: key, value: value) }
}
