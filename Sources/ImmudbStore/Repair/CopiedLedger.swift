import Ledger
import MerkleTree
import StorageIO

/// The entries of a copy of a database's folder: those in frames whose checksums are valid.
///
/// A segment of the copy is read once to find its frames, as long as ranges of one segment follow each other. Memory: the
/// places of these frames, and one of them.
final class CopiedLedger: EntrySource {
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

    func forEachGroup(
        in range: Range<UInt64>, _ body: (EntryGroup) throws(StoreError) -> Bool
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
            for known in frames where known.end > next && known.first <= next {
                reader.offset = known.offset
                guard let frame = try reader.next() else { break }
                let (end, goesOn) = try pass(frame, next..<range.upperBound, body)
                next = end
                if !goesOn { return next }
            }
        }
        return next
    }

    /// Passes the entries of one frame.
    ///
    /// - Returns: the index after the last one, and whether there is more to pass.
    private func pass(
        _ frame: borrowing FrameView, _ range: Range<UInt64>,
        _ body: (EntryGroup) throws(StoreError) -> Bool
    ) throws(StoreError) -> (end: UInt64, goesOn: Bool) {
        var next = range.lowerBound
        var passed = next
        var goesOn = true
        var group = EntryGroup()
        let time = frame.timeMicroseconds
        try frame.forEachEntry { entry throws(StoreError) in
            guard goesOn, entry.index.rawValue == next, next < range.upperBound else { return }
            guard entry.hasValidChecksum else {
                goesOn = false
                return
            }
            group.append(
                LedgerEntry(entry), byteCount: entry.byteCount, timeMicroseconds: time)
            next += 1
            if group.isFull, let full = group.take() {
                passed = next
                goesOn = try body(full)
            }
        }
        if let rest = group.take() {
            passed = next
            goesOn = try body(rest) && goesOn
        }
        return (passed, goesOn && passed < range.upperBound)
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
    init(_ entry: FrameView.EntryView) {
        self.init(
            index: entry.index, kind: entry.kind, isEndOfBatch: entry.isEndOfBatch,
            key: Array(entry.key), value: Array(entry.value))
    }
}
