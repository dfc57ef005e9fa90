import Ledger
import MerkleTree
import StorageIO

/// The entries of another copy of a ledger, by their indexes: those in frames whose checksums are valid. Nothing of them
/// is trusted.
///
/// Used by one thread. A segment of the copy is read once to find its frames, as long as ranges of one segment follow
/// each other.
final class EntrySource {
    /// Frames of about this size are made of what the copy holds.
    private static let frameByteCount = 1 << 20

    let identity: DatabaseIdentity
    private let inspection: LedgerInspection
    /// The segment whose frames are known.
    private var segment: UInt32?
    private var frames: [(first: UInt64, end: UInt64, offset: Int)] = []

    /// - Parameter path: the folder of the other database.
    init(_ path: String, fileSystem: any FileSystem) throws(StoreError) {
        inspection = try LedgerInspection(
            directory: "\(path)/ledger", fileSystem: fileSystem)
        guard let identity = inspection.identity else {
            throw StoreError(.corruption, "\(path)/ledger has no segment that is readable")
        }
        self.identity = identity
    }

    /// Passes entries of the range to `body` in groups that end with a batch, each with the time of its write.
    ///
    /// - Returns: the index after the last entry that was passed; less than the range's end if the copy lacks the entry.
    func forEachGroup(
        in range: Range<UInt64>,
        _ body: ([LedgerEntry], _ timeMicroseconds: Int64) throws(StoreError) -> Void
    ) throws(StoreError) -> UInt64 {
        var next = range.lowerBound
        for segment in inspection.segments {
            guard case .readable(let head) = segment.state, next < range.upperBound,
                head.firstIndex.rawValue <= next,
                inspection.end(of: segment).map({ $0.rawValue > next }) ?? true
            else { continue }
            try findFrames(of: segment)
            var reader = try inspection.reader(
                of: segment, identity: identity, firstIndex: head.firstIndex)
            var group: [LedgerEntry] = []
            var byteCount = 0
            for known in frames where known.end > next && known.first <= next {
                reader.offset = known.offset
                guard let frame = try reader.next() else { break }
                let time = frame.timeMicroseconds
                var isWhole = true
                try frame.forEachEntry { entry throws(StoreError) in
                    guard isWhole, entry.index.rawValue == next, next < range.upperBound else {
                        return
                    }
                    guard entry.hasValidChecksum else {
                        isWhole = false
                        return
                    }
                    group.append(LedgerEntry(entry))
                    byteCount += entry.byteCount
                    next += 1
                    if entry.isEndOfBatch, byteCount >= Self.frameByteCount {
                        try body(group, time)
                        group = []
                        byteCount = 0
                    }
                }
                if !group.isEmpty { try body(group, time) }
                group = []
                byteCount = 0
                if !isWhole { return next }
            }
        }
        return next
    }

    private func findFrames(of segment: LedgerInspection.Segment) throws(StoreError) {
        guard self.segment != segment.number else { return }
        self.segment = nil
        frames = []
        try inspection.forEachValidFrame(of: segment, identity: identity) {
            frame throws(StoreError) in
            guard let end = frame.end, frame.count > 0 else { return }
            frames.append((frame.firstIndex.rawValue, end.rawValue, frame.offset))
        }
        self.segment = segment.number
    }
}

extension LedgerEntry {
    fileprivate init(_ entry: FrameView.EntryView) {
        self.init(
            index: entry.index, kind: entry.kind, isEndOfBatch: entry.isEndOfBatch,
            key: Array(entry.key), value: Array(entry.value))
    }
}
