import MerkleTree
import StorageIO

/// Reads a segment's frames one after the other, through a window of the file.
struct FrameScanner: ~Copyable {
    let segment: Segment
    /// The offset of the next frame, which is the end of the last valid one.
    var offset: Int
    private let file: any StorageFile
    let fileByteCount: Int
    private var window: UnsafeMutableRawBufferPointer
    private var windowOffset = 0
    private var windowByteCount = 0
    /// How many bytes the disk should fetch while those of the window are used.
    private let aheadByteCount: Int
    private var aheadEnd = 0
    private static let largestAheadByteCount = 64 << 20

    /// - Parameter aheadByteCount: how far to read ahead; 0 if the segment is not read to its end.
    init(
        segment: Segment, offset: Int = SegmentHeader.byteCount, aheadByteCount: Int = 0
    ) throws(StoreError) {
        self.aheadByteCount = aheadByteCount
        self.segment = segment
        self.offset = offset
        let file = try segment.file()
        let byteCount = try file.byteCount()
        self.file = file
        fileByteCount = Int(byteCount)
        window = .allocate(byteCount: 1 << 20, alignment: 16)
    }

    deinit {
        window.deallocate()
    }

    /// Returns the frame at `offset`, and moves `offset` to its end.
    /// - Returns: nil if no whole frame with valid checksums begins there: at the end, or at damage.
    mutating func next() throws(StoreError) -> FrameView? {
        let address = FrameAddress(
            identity: segment.identity, segment: segment.number, offset: offset)
        guard let header = try self.bytes(at: offset, count: FrameHeader.byteCount),
            header.number(UInt32.self, at: FrameHeader.magicOffset) == FrameHeader.magic,
            address.checksum(
                UnsafeRawBufferPointer(rebasing: header[..<FrameHeader.checksumOffset]))
                == header.number(UInt32.self, at: FrameHeader.checksumOffset)
        else { return nil }
        let payloadByteCount = Int(
            header.number(UInt32.self, at: FrameHeader.payloadByteCountOffset))
        guard payloadByteCount >= Digest.byteCount,
            payloadByteCount <= maximumFramePayloadByteCount,
            offset + FrameHeader.byteCount + payloadByteCount <= Int(UInt32.max),
            let frame = try self.bytes(at: offset, count: FrameHeader.byteCount + payloadByteCount)
        else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: frame[FrameHeader.byteCount...])
        guard
            address.checksum(payload)
                == frame.number(UInt32.self, at: FrameHeader.payloadChecksumOffset)
        else { return nil }
        guard let type = FrameType(rawValue: frame[FrameHeader.typeOffset]) else {
            throw StoreError(
                .incompatibleFormat,
                "\(segment.path), byte \(offset): a frame of type \(frame[FrameHeader.typeOffset]), "
                    + "which this version does not know; open the folder with the version that wrote it"
            )
        }
        let view = FrameView(
            segment: segment.number, offset: offset, type: type,
            firstIndex: EntryIndex(frame.number(UInt64.self, at: FrameHeader.firstIndexOffset)),
            count: Int(frame.number(UInt32.self, at: FrameHeader.countOffset)),
            timeMicroseconds: frame.number(Int64.self, at: FrameHeader.timeOffset),
            synchronizedOffset: Int(frame.number(UInt32.self, at: FrameHeader.synchronizedOffset)),
            payload: payload)
        guard view.isWellFormed else { return nil }
        offset += FrameHeader.byteCount + payloadByteCount
        return view
    }

    /// Returns the next frame, or the next valid one after damage; nil if there is none up to the end of the file.
    mutating func nextValid() throws(StoreError) -> FrameView? {
        let start = offset
        if let frame = try next() { return frame }
        return try search(from: start + 1)
    }

    /// Returns the first valid frame that begins at `start` or later. Valid frames after an invalid one distinguish
    /// damage from a torn tail.
    mutating func search(from start: Int) throws(StoreError) -> FrameView? {
        var from = start
        while let found = try self.offset(ofMagicFrom: from) {
            offset = found
            if let frame = try next() { return frame }
            from = found + 1
        }
        return nil
    }

    /// Returns whether only zeros follow.
    mutating func isZero(from start: Int) throws(StoreError) -> Bool {
        var next = start
        while next < fileByteCount {
            let count = min(window.count, fileByteCount - next)
            guard let chunk = try bytes(at: next, count: count) else { return true }
            guard chunk.isZero else { return false }
            next += count
        }
        return true
    }

    /// Returns the record of an entry if a whole one with a valid checksum begins at `start` and ends before `end`: for
    /// reading what is left of a damaged frame.
    mutating func record(
        _ index: EntryIndex, at start: Int, before end: Int
    ) throws(StoreError) -> FrameView.EntryView? {
        guard let byteCount = try statedRecordByteCount(at: start, before: end),
            let record = try bytes(at: start, count: byteCount)
        else { return nil }
        let entry = FrameView.EntryView(
            index: index, position: EntryPosition(segment: segment.number, offset: UInt32(start)),
            record: record)
        return entry.hasValidChecksum ? entry : nil
    }

    /// Returns the length that the head of a record at `start` states; nil if the record cannot end before `end`.
    mutating func statedRecordByteCount(
        at start: Int, before end: Int
    ) throws(StoreError) -> Int? {
        let end = min(end, fileByteCount, Int(UInt32.max))
        guard start >= 0, start <= end - EntryHeader.byteCount,
            let header = try bytes(at: start, count: EntryHeader.byteCount)
        else { return nil }
        let byteCount = entryByteCount(header)
        return byteCount <= end - start && byteCount <= maximumFramePayloadByteCount
            ? byteCount : nil
    }

    private mutating func offset(ofMagicFrom start: Int) throws(StoreError) -> Int? {
        let first = UInt8(truncatingIfNeeded: FrameHeader.magic)
        var next = start
        while next + FrameHeader.byteCount <= fileByteCount {
            // Bytes that are in the window are not read again: a value may contain many such bytes.
            let held = windowOffset + windowByteCount - next
            let count =
                next >= windowOffset && held >= FrameHeader.byteCount
                ? held : min(window.count, fileByteCount - next)
            guard let chunk = try bytes(at: next, count: count) else { return nil }
            var offset = chunk.firstIndex(of: first, from: 0)
            while let found = offset, found <= count - 4 {
                if chunk.number(UInt32.self, at: found) == FrameHeader.magic {
                    return next + found
                }
                offset = chunk.firstIndex(of: first, from: found + 1)
            }
            next += count - 3
        }
        return nil
    }

    private mutating func bytes(at start: Int, count: Int) throws(StoreError)
        -> UnsafeRawBufferPointer?
    {
        guard start + count <= fileByteCount else { return nil }
        if start < windowOffset || start + count > windowOffset + windowByteCount {
            if count > window.count {
                window.deallocate()
                window = .allocate(byteCount: count, alignment: 16)
            }
            windowOffset = start
            windowByteCount = try file.read(into: window, at: UInt64(start))
            readAhead()
            guard count <= windowByteCount else { return nil }
        }
        let first = start - windowOffset
        return UnsafeRawBufferPointer(rebasing: window[first..<first + count])
    }

    private mutating func readAhead() {
        guard aheadByteCount > 0 else { return }
        // A large frame is read at once: then the next one is fetched while this one is used.
        let wanted = max(aheadByteCount, min(window.count, Self.largestAheadByteCount))
        let windowEnd = windowOffset + windowByteCount
        let start = max(aheadEnd, windowEnd)
        let end = min(windowEnd + wanted, fileByteCount)
        // In few, large steps.
        guard start < end, end - start >= wanted / 2 || end == fileByteCount else { return }
        file.willRead(byteCount: end - start, at: UInt64(start))
        aheadEnd = end
    }
}
