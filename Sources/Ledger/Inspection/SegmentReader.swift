package import MerkleTree
package import StorageIO

/// Reads the frames of one segment, and goes on after damage.
///
/// Memory: the window of the scanner, 1 MiB or the largest frame. A frame is at most 1 GiB long, and never longer than
/// its file.
package struct SegmentReader: ~Copyable {
    private var scanner: FrameScanner

    init(
        path: String, head: SegmentHead, fileSystem: any FileSystem
    ) throws(StoreError) {
        let segment = Segment(
            head, path: path, files: SegmentFiles(fileSystem: fileSystem, capacity: 1))
        scanner = try FrameScanner(segment: segment, aheadByteCount: 4 << 20)
    }

    /// The offset of the next frame. Set it to read a frame whose offset is known.
    package var offset: Int {
        get { scanner.offset }
        set { scanner.offset = newValue }
    }
    package var byteCount: Int { scanner.fileByteCount }

    /// Returns the frame at ``offset``, and moves to its end.
    ///
    /// - Returns: nil if no whole frame with valid checksums begins there: at the end, or at damage.
    /// - Throws: `incompatibleFormat` for a frame of an unknown type; the operating system's errors.
    package mutating func next() throws(StoreError) -> FrameView? { try scanner.next() }

    /// A frame that was found after damage.
    package struct Found: Sendable {
        package let offset: Int
        package let firstIndex: EntryIndex
    }

    /// Moves to the first valid frame after ``offset`` that begins with the entry `expected` or a later one.
    ///
    /// - Returns: nil if there is no such frame; ``offset`` is as before then.
    package mutating func skipDamage(
        expecting expected: EntryIndex
    ) throws(StoreError) -> Found? {
        let start = scanner.offset
        var from = start + 1
        while let frame = try scanner.search(from: from) {
            from = frame.offset + 1
            guard frame.firstIndex >= expected, frame.end != nil else { continue }
            scanner.offset = frame.offset
            return Found(offset: frame.offset, firstIndex: frame.firstIndex)
        }
        scanner.offset = start
        return nil
    }

    /// Whether a valid frame after ``offset`` states that the file was synchronized beyond ``offset`` when the frame was
    /// written: then what is there was not torn by a crash.
    package mutating func isFollowedByWitness() throws(StoreError) -> Bool {
        let start = scanner.offset
        defer { scanner.offset = start }
        var from = start + 1
        while let frame = try scanner.search(from: from) {
            if frame.synchronizedOffset > start { return true }
            from = scanner.offset
        }
        return false
    }

    /// Whether only zeros follow ``offset``.
    package mutating func isAtEnd() throws(StoreError) -> Bool {
        try scanner.isZero(from: scanner.offset)
    }

    /// Returns the length that the head of a record at `start` states, which is not checked; nil if it cannot be right.
    package mutating func statedByteCount(
        at start: Int, before end: Int
    ) throws(StoreError) -> Int? {
        try scanner.statedRecordByteCount(at: start, before: end)
    }

    /// Returns the record of an entry if a whole one with a valid checksum begins at `start` and ends before `end`. Valid
    /// until the next call.
    package mutating func record(
        _ index: EntryIndex, at start: Int, before end: Int
    ) throws(StoreError) -> FrameView.EntryView? {
        try scanner.record(index, at: start, before: end)
    }
}

extension FrameView {
    /// The bytes between a frame's beginning and its first record.
    package static var headByteCount: Int { FrameHeader.byteCount }

    /// The offset of the first frame in a segment.
    package static var firstOffset: Int { SegmentHeader.byteCount }

    /// The size of the tree after the frame; nil if no tree can be that large.
    package var end: TreeSize? {
        let (sum, isTooLarge) = firstIndex.rawValue.addingReportingOverflow(UInt64(count))
        return isTooLarge ? nil : TreeSize(rawValue: sum)
    }

    /// The number of bytes of the whole frame.
    package var byteCount: Int { bytes.count }

    /// Whether the frame only marks a clean close.
    package var isEnd: Bool { type == .end }
}

extension SegmentHead {
    /// The places of two fields in a segment's file, for messages.
    package static var firstIndexOffset: Int { SegmentHeader.firstIndexOffset }
    package static var rootOffset: Int { SegmentHeader.rootOffset }
}
