import MerkleTree
import StorageIO

/// Finds the end of the ledger after a stop or a crash.
///
/// Only the newest segment was being written. The bytes after its last valid frame are one of three things:
/// - zeros: preallocated space, the normal case;
/// - a torn tail: bytes of frames that were not synchronized because of a crash. They are cut;
/// - damage: bytes that were synchronized and are wrong now. Cutting them would lose acknowledged entries, so the
///   ledger is refused.
///
/// Witnesses distinguish damage from a torn tail: a later valid frame that states that the file was synchronized beyond
/// this offset when the frame was written; and a view that only contains synchronized entries. A copy that was made
/// while a server wrote shows the same signs: its files are from different moments.
///
/// A segment is begun only when the one before is complete. After a crash this is checked, too.
struct Recovery {
    let folder: SegmentDirectory
    let segments: SegmentTable
    let witness: Ledger.Witness
    let log: LogSink

    /// The end of the ledger, where the writer continues.
    struct Tail {
        var offset: Int
        /// The offset up to which the file was synchronized before the last frame was written, as that frame states.
        var synchronizedOffset: Int
        var size: TreeSize
        var root: Digest
        /// Whether the last frame is the end frame of a clean close.
        var isEnded = false

        var hasFrames: Bool { offset > SegmentHeader.byteCount }
    }

    /// - Parameter file: the file of the newest segment.
    func run(_ file: any StorageFile) throws(StoreError) -> (file: any StorageFile, tail: Tail) {
        var file = file
        var segment = segments.newest
        var scanner = try FrameScanner(segment: segment)
        var tail = try lastFrame(of: segment, &scanner)
        if !tail.isEnded, let previous = segments.previous,
            try !isComplete(previous, before: segment)
        {
            try removeEmpty(segment, tail, &scanner, previous)
            segment = previous
            file = try folder.openToWrite(segment)
            scanner = try FrameScanner(segment: segment)
            tail = try lastFrame(of: segment, &scanner)
        }
        let isTorn = try !scanner.isZero(from: tail.offset)
        if isTorn { try refuseIfWitnessed(segment, tail, &scanner) }
        // Also if only zeros follow: a disk may return zeros for lost bytes.
        let evidence = try witness(tail.size.nextIndex, segment.identity)
        if evidence == .acknowledged { throw lost(segment, tail) }
        if isTorn { try cut(segment, file, tail, evidence) }
        return (file, tail)
    }

    /// Finds the last valid frame of the newest segment, whatever lies before it: the end of a ledger that is only read.
    func lastValidFrame() throws(StoreError) -> Tail {
        let segment = segments.newest
        var scanner = try FrameScanner(segment: segment)
        var tail = Tail(beginning: segment)
        while let frame = try scanner.nextValid() {
            guard frame.firstIndex.rawValue >= tail.size.rawValue,
                let size = TreeSize(rawValue: frame.firstIndex.rawValue + UInt64(frame.count))
            else { continue }
            tail = Tail(
                offset: scanner.offset, synchronizedOffset: scanner.offset, size: size,
                root: frame.root, isEnded: true)
        }
        return tail
    }

    private func lastFrame(
        of segment: Segment, _ scanner: inout FrameScanner
    ) throws(StoreError) -> Tail {
        var tail = Tail(beginning: segment)
        while let frame = try scanner.next() {
            guard frame.firstIndex.rawValue == tail.size.rawValue,
                let size = TreeSize(rawValue: tail.size.rawValue + UInt64(frame.count))
            else {
                throw segment.corruption(
                    at: frame.offset, entry: tail.size.nextIndex,
                    "the next frame begins with entry \(frame.firstIndex)")
            }
            tail = Tail(
                offset: frame.offset + FrameHeader.byteCount + frame.payload.count,
                synchronizedOffset: max(
                    SegmentHeader.byteCount, min(frame.synchronizedOffset, frame.offset)),
                size: size, root: frame.root, isEnded: frame.type == .end)
        }
        return tail
    }

    // MARK: the segment before

    /// Returns whether a segment ends where the next one begins; false if it continues beyond that.
    private func isComplete(_ segment: Segment, before next: Segment) throws(StoreError) -> Bool {
        var scanner = try FrameScanner(segment: segment)
        let end = try lastFrame(of: segment, &scanner)
        if end.size.nextIndex > next.firstIndex { return false }
        guard end.size.nextIndex == next.firstIndex, end.root == next.rootBefore else {
            throw segment.corruption(
                at: end.offset, entry: end.size.nextIndex,
                "no whole frame with a valid checksum, but the next segment begins with entry "
                    + "\(next.firstIndex)")
        }
        return true
    }

    /// Removes a segment without entries that was begun and then not used: an earlier release continued with the
    /// segment before if it could not open the new one.
    private func removeEmpty(
        _ segment: Segment, _ tail: Tail, _ scanner: inout FrameScanner, _ previous: Segment
    ) throws(StoreError) {
        guard !tail.hasFrames, try scanner.isZero(from: tail.offset) else {
            throw segment.corruption(
                at: SegmentHeader.firstIndexOffset, entry: segment.firstIndex,
                "the segment begins before the end of the previous one")
        }
        log(
            .warning,
            "\(segment.path) holds no entry, and \(previous.path) continues beyond its beginning, entry "
                + "\(segment.firstIndex): the empty segment is removed")
        try folder.remove(segment)
        segments.removeNewest()
    }

    // MARK: the tail

    private func refuseIfWitnessed(
        _ segment: Segment, _ tail: Tail, _ scanner: inout FrameScanner
    ) throws(StoreError) {
        var offset = tail.offset + 1
        while let later = try scanner.search(from: offset) {
            guard later.synchronizedOffset <= tail.offset else {
                throw segment.corruption(
                    at: tail.offset, entry: tail.size.nextIndex,
                    "no whole frame with a valid checksum, but a frame that was written later follows "
                        + "at byte \(later.offset)")
            }
            offset = scanner.offset
        }
    }

    private func lost(_ segment: Segment, _ tail: Tail) -> StoreError {
        StoreError(
            .corruption,
            "\(segment.path), byte \(tail.offset), entry \(tail.size.nextIndex): the ledger ends here, but "
                + "the tree file shows that this entry was acknowledged. If the folder is a copy that was "
                + "made while a server wrote to it: remove the folder tree in the copy and start again; the "
                + "entries 0 up to before \(tail.size) are there, later ones are not. If it is not a copy, "
                + "acknowledged entries are lost: restore it from a backup, and check the disk. Nothing was "
                + "changed")
    }

    private func cut(
        _ segment: Segment, _ file: any StorageFile, _ tail: Tail, _ evidence: Ledger.Evidence
    ) throws(StoreError) {
        let what =
            evidence == .neverAcknowledged
            ? "the torn end of a write that was never acknowledged"
            : "the torn end of writes that were not synchronized. With durability interval or never, "
                + "entries that were acknowledged after the last synchronization may be among them"
        log(
            .warning,
            "\(segment.path): the bytes from \(tail.offset) on are \(what). They are cut. The ledger holds "
                + "\(tail.size) entries")
        // Truncated, not overwritten: space that is reserved again reads as zeros.
        try file.truncate(to: UInt64(tail.offset))
        try file.synchronize()
    }
}

extension Recovery.Tail {
    /// The end of a segment without frames.
    fileprivate init(beginning segment: Segment) {
        self.init(
            offset: SegmentHeader.byteCount, synchronizedOffset: SegmentHeader.byteCount,
            size: TreeSize(segment.firstIndex.rawValue), root: segment.rootBefore)
    }
}
