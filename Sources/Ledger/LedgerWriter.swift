import MerkleTree
import StorageIO
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The one writer of a ledger: appends frames to the newest segment and begins new ones.
///
/// `@unchecked Sendable`: by the contract of ``Ledger``, one thread at a time calls it.
final class LedgerWriter: @unchecked Sendable {
    private let folder: SegmentDirectory
    private let identity: DatabaseIdentity
    private let segments: SegmentTable
    private let options: Ledger.Options
    private var segment: Segment
    private var offset: UInt64
    private var reservedByteCount: UInt64
    private var synchronizedOffset: UInt64
    private(set) var size: TreeSize
    private(set) var root: Digest
    private let endFrame = FrameBuffer()

    init(
        folder: SegmentDirectory, identity: DatabaseIdentity, segments: SegmentTable, newest: Segment,
        tail: Recovery.Tail, options: Ledger.Options
    ) throws(StoreError) {
        self.folder = folder
        self.identity = identity
        self.segments = segments
        self.options = options
        segment = newest
        offset = UInt64(tail.offset)
        reservedByteCount = try newest.file.byteCount()
        size = tail.size
        root = tail.root
        // What recovery found may be in the page cache only; no later frame may call it synchronized.
        try newest.file.synchronize()
        synchronizedOffset = offset
    }

    func prepare(payloadByteCount: Int) throws(StoreError) -> EntryPosition {
        guard payloadByteCount <= maximumFramePayloadByteCount else {
            throw StoreError(
                .tooLarge,
                "\(payloadByteCount) bytes exceed the \(maximumFramePayloadByteCount) bytes that one "
                    + "batch may have; split it")
        }
        // The end frame of a close fits too, so that a close never needs space.
        let byteCount = UInt64(
            2 * FrameHeader.byteCount + payloadByteCount + Digest.byteCount)
        if offset + byteCount > options.segmentByteCount, offset > SegmentHeader.byteCount {
            try beginSegment(roomFor: byteCount)
        }
        try reserve(offset + byteCount)
        return EntryPosition(
            segment: segment.number, offset: UInt32(offset + UInt64(FrameHeader.byteCount)))
    }

    func append(_ frame: FrameBuffer) throws(StoreError) {
        try write(frame, .entries)
        size = TreeSize(size.rawValue + UInt64(frame.count))
    }

    func synchronize() throws(StoreError) {
        guard synchronizedOffset < offset else { return }
        try segment.file.synchronizeData()
        synchronizedOffset = offset
    }

    func close() throws(StoreError) {
        try synchronize()
        guard offset > SegmentHeader.byteCount else { return }
        let position = EntryPosition(segment: segment.number, offset: UInt32(offset))
        endFrame.begin(firstIndex: size.nextIndex, at: position, payloadByteCount: Digest.byteCount)
        endFrame.end(root: root)
        try write(endFrame, .end)
        try synchronize()
    }

    private func write(_ frame: FrameBuffer, _ type: FrameType) throws(StoreError) {
        precondition(frame.firstIndex == size.nextIndex, "frames follow each other without a hole")
        let result = frame.withFrame(
            type: type, isSynchronous: options.isSynchronous, timeMicroseconds: currentMicroseconds(),
            synchronizedOffset: UInt32(synchronizedOffset)
        ) { bytes in
            Result { () throws(StoreError) -> Void in
                try segment.file.write(bytes, at: offset)
                offset += UInt64(bytes.count)
            }
        }
        try result.get()
        root = frame.root
    }

    /// Ends the newest segment, durably, before the next one refers to it.
    private func beginSegment(roomFor byteCount: UInt64) throws(StoreError) {
        try synchronize()
        let next = try folder.create(
            number: segment.number + 1, identity: identity, firstIndex: size.nextIndex, root: root,
            byteCount: max(
                min(SegmentDirectory.allocationByteCount, options.segmentByteCount),
                UInt64(SegmentHeader.byteCount) + byteCount))
        // Gives the unused space back. Only space is at stake: a failure is no reason to stop.
        try? segment.file.truncate(to: offset)
        segments.add(next)
        segment = next
        offset = UInt64(SegmentHeader.byteCount)
        synchronizedOffset = offset
        reservedByteCount = try next.file.byteCount()
    }

    private func reserve(_ end: UInt64) throws(StoreError) {
        guard end > reservedByteCount else { return }
        let target = min(
            max(end, reservedByteCount + SegmentDirectory.allocationByteCount),
            max(end, options.segmentByteCount))
        try segment.file.allocate(byteCount: target)
        reservedByteCount = target
    }

    private func currentMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
