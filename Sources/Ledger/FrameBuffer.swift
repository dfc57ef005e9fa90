public import MerkleTree
import StorageIO

/// The bytes of one frame while it is assembled; reused from frame to frame, by one thread.
///
/// Cost of an entry: one copy of its bytes and two checksums over them.
public final class FrameBuffer {
    private var bytes: UnsafeMutableRawBufferPointer
    private var used = 0
    private(set) var firstIndex = EntryIndex(0)
    private(set) var count: UInt32 = 0
    private var position = EntryPosition(segment: 0, offset: 0)

    public init() {
        bytes = .allocate(byteCount: 64 << 10, alignment: 16)
    }

    deinit {
        bytes.deallocate()
    }

    /// Returns the payload bytes of a frame with entries of these sizes.
    public static func payloadByteCount(keyAndValueByteCount: Int, entryCount: Int) -> Int {
        keyAndValueByteCount + entryCount * EntryHeader.byteCount + Digest.byteCount
    }

    /// Begins a frame whose payload will begin at `position`.
    public func begin(firstIndex: EntryIndex, at position: EntryPosition, payloadByteCount: Int) {
        let byteCount = FrameHeader.byteCount + payloadByteCount
        if bytes.count < byteCount || bytes.count > max(byteCount, 1 << 20) * 4 {
            bytes.deallocate()
            bytes = .allocate(byteCount: byteCount, alignment: 16)
        }
        self.firstIndex = firstIndex
        self.position = position
        used = FrameHeader.byteCount
        count = 0
    }

    /// Adds an entry.
    /// - Returns: the position of its record, and the record's length.
    public func add(
        kind: UInt8, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, isEndOfBatch: Bool
    ) -> (position: EntryPosition, byteCount: Int) {
        let byteCount = EntryHeader.byteCount + key.count + value.count
        precondition(
            used + byteCount + Digest.byteCount <= bytes.count, "the frame is larger than announced"
        )
        let record = UnsafeMutableRawBufferPointer(rebasing: bytes[used..<used + byteCount])
        record.put(kind, at: EntryHeader.kindOffset)
        record.put(isEndOfBatch ? EntryHeader.endOfBatchMark : 0, at: EntryHeader.marksOffset)
        record.put(UInt16(0), at: 2)
        record.put(UInt32(key.count), at: EntryHeader.keyByteCountOffset)
        record.put(UInt32(value.count), at: EntryHeader.valueByteCountOffset)
        let body = UnsafeMutableRawBufferPointer(rebasing: record[EntryHeader.byteCount...])
        body.copyMemory(from: key)
        UnsafeMutableRawBufferPointer(rebasing: body[key.count...]).copyMemory(from: value)
        let index = EntryIndex(firstIndex.rawValue + UInt64(count))
        record.put(
            entryChecksum(index, UnsafeRawBufferPointer(record)), at: EntryHeader.checksumOffset)
        let recordPosition = EntryPosition(
            segment: position.segment,
            offset: position.offset + UInt32(used - FrameHeader.byteCount))
        used += byteCount
        count += 1
        return (recordPosition, byteCount)
    }

    /// Completes the payload with the root over all entries up to the last one of this frame.
    public func end(root: Digest) {
        root.store(to: bytes.baseAddress! + used)
        used += Digest.byteCount
    }

    /// The root that was passed to ``end(root:)``.
    var root: Digest { Digest(loadingFrom: bytes.baseAddress! + (used - Digest.byteCount)) }

    /// Completes the header and passes the whole frame to `body`.
    func withFrame<Result>(
        type: FrameType, identity: DatabaseIdentity, timeMicroseconds: Int64,
        synchronizedOffset: UInt32,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let header = UnsafeMutableRawBufferPointer(rebasing: bytes[..<FrameHeader.byteCount])
        let payload = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount..<used])
        _ = header.initializeMemory(as: UInt8.self, repeating: 0)
        header.put(FrameHeader.magic, at: FrameHeader.magicOffset)
        header.put(type.rawValue, at: FrameHeader.typeOffset)
        header.put(UInt32(payload.count), at: FrameHeader.payloadByteCountOffset)
        header.put(count, at: FrameHeader.countOffset)
        header.put(firstIndex.rawValue, at: FrameHeader.firstIndexOffset)
        header.put(timeMicroseconds, at: FrameHeader.timeOffset)
        header.put(synchronizedOffset, at: FrameHeader.synchronizedOffset)
        let address = FrameAddress(
            identity: identity, segment: position.segment,
            offset: Int(position.offset) - FrameHeader.byteCount)
        header.put(address.checksum(payload), at: FrameHeader.payloadChecksumOffset)
        header.put(
            address.checksum(
                UnsafeRawBufferPointer(rebasing: header[..<FrameHeader.checksumOffset])),
            at: FrameHeader.checksumOffset)
        return body(UnsafeRawBufferPointer(rebasing: bytes[..<used]))
    }
}

/// Returns the checksum of an entry's record: over its index, its header up to the checksum, key and value. The index
/// is included to detect a record at the wrong index.
func entryChecksum(_ index: EntryIndex, _ record: UnsafeRawBufferPointer) -> UInt32 {
    var crc = CRC32C()
    crc.update(index.rawValue)
    crc.update(UnsafeRawBufferPointer(rebasing: record[..<EntryHeader.checksumOffset]))
    crc.update(UnsafeRawBufferPointer(rebasing: record[EntryHeader.byteCount...]))
    return crc.value
}
