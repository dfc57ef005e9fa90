public import MerkleTree

/// A whole, checked frame in the scanner's memory; valid until the scanner moves on.
public struct FrameView: ~Copyable {
    let segment: UInt32
    package let offset: Int
    let type: FrameType
    public let firstIndex: EntryIndex
    public let count: Int
    /// When the frame was written, in microseconds since 1970.
    public let timeMicroseconds: Int64
    package let synchronizedOffset: Int
    let payload: UnsafeRawBufferPointer

    /// The whole frame, header and payload.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: payload.baseAddress! - FrameHeader.byteCount,
            count: FrameHeader.byteCount + payload.count)
    }

    /// One entry of a frame, its bytes still in the scanner's memory.
    public struct EntryView {
        public let index: EntryIndex
        public let position: EntryPosition
        public let kind: UInt8
        public let byteCount: Int
        public let key: UnsafeRawBufferPointer
        public let value: UnsafeRawBufferPointer
        private let record: UnsafeRawBufferPointer

        /// - Parameter record: the record, whose lengths were checked.
        init(index: EntryIndex, position: EntryPosition, record: UnsafeRawBufferPointer) {
            let keyEnd =
                EntryHeader.byteCount
                + Int(record.number(UInt32.self, at: EntryHeader.keyByteCountOffset))
            self.index = index
            self.position = position
            kind = record[EntryHeader.kindOffset]
            byteCount = record.count
            key = UnsafeRawBufferPointer(rebasing: record[EntryHeader.byteCount..<keyEnd])
            value = UnsafeRawBufferPointer(rebasing: record[keyEnd...])
            self.record = record
        }

        /// Whether the record passes its own checksum. A frame's checksum covers it, too.
        package var hasValidChecksum: Bool {
            entryChecksum(index, record)
                == record.number(UInt32.self, at: EntryHeader.checksumOffset)
        }

        /// Whether it is the last one of its batch.
        public var isEndOfBatch: Bool {
            record[EntryHeader.marksOffset] & EntryHeader.endOfBatchMark != 0
        }
    }

    /// The root after the frame's last entry.
    public var root: Digest {
        Digest(loadingFrom: payload.baseAddress! + (payload.count - Digest.byteCount))
    }

    public func contains(_ index: EntryIndex) -> Bool {
        index >= firstIndex && index.rawValue - firstIndex.rawValue < UInt64(count)
    }

    /// Calls `body` with each entry, in order.
    ///
    /// The frame's checksum is valid, so a wrong length in it was written that way; it is refused nevertheless.
    public func forEachEntry<Failure>(
        _ body: (EntryView) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        for number in 0..<count {
            guard let entry = entry(number, at: start) else { return }
            try body(entry)
            start += entry.byteCount
        }
    }

    /// Returns the entry of a number within the frame, whose record begins at `start` of the payload.
    ///
    /// - Returns: nil if no whole record begins there.
    func entry(_ number: Int, at start: Int) -> EntryView? {
        guard let byteCount = recordByteCount(at: start) else { return nil }
        let record = UnsafeRawBufferPointer(rebasing: payload[start..<start + byteCount])
        return EntryView(
            index: EntryIndex(firstIndex.rawValue + UInt64(number)),
            position: EntryPosition(
                segment: segment, offset: UInt32(offset + FrameHeader.byteCount + start)),
            record: record)
    }

    private func recordByteCount(at start: Int) -> Int? {
        let left = payload.count - Digest.byteCount - start
        guard left >= EntryHeader.byteCount else { return nil }
        let byteCount = entryByteCount(UnsafeRawBufferPointer(rebasing: payload[start...]))
        return byteCount <= left ? byteCount : nil
    }

    /// Whether the payload consists of exactly `count` records and the root.
    var isWellFormed: Bool {
        var start = 0
        for _ in 0..<count {
            guard let byteCount = recordByteCount(at: start) else { return false }
            start += byteCount
        }
        return start + Digest.byteCount == payload.count && (count == 0) == (type == .end)
    }
}
