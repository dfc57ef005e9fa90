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
/// `@unchecked Sendable`: the contract of ``Ledger`` allows one thread at a time.
final class LedgerWriter: @unchecked Sendable {
    private let folder: SegmentDirectory
    private let identity: DatabaseIdentity
    private let segments: SegmentTable
    private let sync: LedgerSync
    private var options: Ledger.Options
    private var segment: Segment
    /// The file of `segment`.
    private var file: any StorageFile
    private var offset: UInt64
    private var reservedByteCount: UInt64
    private var synchronizedOffset: UInt64
    private(set) var size: TreeSize
    private(set) var root: Digest
    private let endFrame = FrameBuffer()
    private var isEnded: Bool
    private let damage: StoreError?

    /// - Parameter damage: the reason why nothing may be written; nil if there is none.
    init(
        folder: SegmentDirectory, identity: DatabaseIdentity, segments: SegmentTable,
        file: any StorageFile, tail: Recovery.Tail, damage: StoreError?, sync: LedgerSync,
        options: Ledger.Options
    ) throws(StoreError) {
        self.folder = folder
        self.identity = identity
        self.segments = segments
        self.options = options
        self.sync = sync
        self.options.segmentByteCount = min(
            options.segmentByteCount, Ledger.Options.maximumSegmentByteCount)
        segment = segments.newest
        self.file = file
        offset = UInt64(tail.offset)
        isEnded = tail.isEnded
        reservedByteCount = try file.byteCount()
        size = tail.size
        root = tail.root
        synchronizedOffset = UInt64(tail.synchronizedOffset)
        self.damage = damage
        guard damage == nil else { return }
        try rewrite(from: tail.synchronizedOffset)
        try file.synchronize()
        synchronizedOffset = offset
    }

    /// Writes the last frames again, from `start` on: after a failed sync the page cache has bytes that the disk lacks,
    /// although the kernel considers them written.
    ///
    /// Each frame is checked again before it is written, so that bytes are not written that a failing disk or cable has
    /// returned wrongly this time.
    private func rewrite(from start: Int) throws(StoreError) {
        guard UInt64(start) < offset else { return }
        var scanner = try FrameScanner(segment: segment, offset: start)
        while UInt64(scanner.offset) < offset {
            guard let frame = try scanner.next() else {
                throw segment.corruption(
                    at: scanner.offset, entry: size.nextIndex,
                    "a frame that was valid a moment ago is not any more")
            }
            try file.write(frame.bytes, at: UInt64(frame.offset))
        }
    }

    func prepare(payloadByteCount: Int) throws(StoreError) -> EntryPosition {
        if let damage {
            throw StoreError(.writesStopped, "the ledger is damaged, and only read", cause: damage)
        }
        guard payloadByteCount <= maximumFramePayloadByteCount else {
            throw StoreError(
                .tooLarge,
                "\(payloadByteCount) bytes exceed the \(maximumFramePayloadByteCount) bytes that one "
                    + "batch may have; split it")
        }
        // Includes the end frame of a close, so that a close never needs space.
        let byteCount = UInt64(
            2 * FrameHeader.byteCount + payloadByteCount + Digest.byteCount)
        if offset + byteCount > options.segmentByteCount, offset > SegmentHeader.byteCount {
            try beginSegment(roomFor: byteCount)
        }
        try reserve(offset + byteCount)
        return EntryPosition(
            segment: segment.number, offset: UInt32(offset + UInt64(FrameHeader.byteCount)))
    }

    /// - Parameter timeMicroseconds: the time of the frame; nil for now.
    func append(_ frame: FrameBuffer, timeMicroseconds: Int64?) throws(StoreError) {
        try write(frame, .entries, timeMicroseconds: timeMicroseconds)
        size = TreeSize(size.rawValue + UInt64(frame.count))
    }

    func synchronize() throws(StoreError) {
        guard synchronizedOffset < offset else { return }
        try sync.run(file)
        synchronizedOffset = offset
    }

    func close() throws(StoreError) {
        try synchronize()
        guard !isEnded else { return }
        // On a full disk there is no end mark: the next opening recovers, as after a crash.
        do throws(StoreError) {
            try reserve(offset + UInt64(FrameHeader.byteCount + Digest.byteCount))
        } catch  where error.code == .noSpace {
            return
        }
        let position = EntryPosition(
            segment: segment.number, offset: UInt32(offset) + UInt32(FrameHeader.byteCount))
        endFrame.begin(firstIndex: size.nextIndex, at: position, payloadByteCount: Digest.byteCount)
        endFrame.end(root: root)
        try write(endFrame, .end)
        try synchronize()
        isEnded = true
    }

    private func write(
        _ frame: FrameBuffer, _ type: FrameType, timeMicroseconds: Int64? = nil
    ) throws(StoreError) {
        precondition(frame.firstIndex == size.nextIndex, "frames follow each other without a hole")
        let result = frame.withFrame(
            type: type, identity: identity,
            timeMicroseconds: timeMicroseconds ?? currentMicroseconds(),
            synchronizedOffset: UInt32(synchronizedOffset)
        ) { bytes in
            Result { () throws(StoreError) -> Void in
                try file.write(bytes, at: offset)
                offset += UInt64(bytes.count)
            }
        }
        try result.get()
        root = frame.root
        isEnded = false
    }

    /// Completes the newest segment, durably, before the next one refers to it.
    ///
    /// Once the next segment may exist, either it becomes the newest one here or nothing more is written
    /// (`writesStopped`): entries appended to the old segment would be lost at the next opening.
    private func beginSegment(roomFor byteCount: UInt64) throws(StoreError) {
        try synchronize()
        let reserved = max(
            min(SegmentDirectory.allocationByteCount, options.segmentByteCount),
            UInt64(SegmentHeader.byteCount) + byteCount)
        let head = SegmentHead(
            identity: identity, number: segment.number + 1, firstIndex: size.nextIndex,
            rootBefore: root)
        let (next, nextFile) = try folder.create(head, byteCount: reserved)
        // Gives the unused space back. A failure only wastes space and does not stop the writer.
        try? file.truncate(to: offset)
        segment.completeByteCount.store(offset, ordering: .relaxed)
        _ = folder.files.add(segment, file)
        segments.add(next)
        segment = next
        file = nextFile
        offset = UInt64(SegmentHeader.byteCount)
        synchronizedOffset = offset
        reservedByteCount = reserved
    }

    private func reserve(_ end: UInt64) throws(StoreError) {
        guard end > reservedByteCount else { return }
        let target = min(
            max(end, reservedByteCount + SegmentDirectory.allocationByteCount),
            max(end, options.segmentByteCount))
        do throws(StoreError) {
            try file.allocate(byteCount: target)
            reservedByteCount = target
        } catch {
            // A smaller allocation may still succeed.
            guard error.code == .noSpace, end < target else { throw error }
            try file.allocate(byteCount: end)
            reservedByteCount = end
        }
    }

    private func currentMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
