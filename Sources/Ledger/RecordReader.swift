public import MerkleTree
public import StorageIO

/// Reads and digests records one after the other, through a window of their file: an entry of any size takes the memory
/// of the window and of its key.
///
/// For one thread. The window keeps what was read, so a reader should not live longer than one look at the files takes.
public final class RecordReader {
    /// Also the longest key that is believed: longer than any that the database takes.
    private static let windowByteCount = 256 << 10

    /// A record as it is in its file.
    public struct Record: Sendable {
        public let index: EntryIndex
        public let kind: UInt8
        public let position: EntryPosition
        public let byteCount: Int
        /// May be removed by a caller that keeps many records.
        public var key: [UInt8]
        public let valueByteCount: Int
        /// The leaf of the entry that the record holds.
        public let leaf: Digest
        /// The difference from the record's checksum; nil if there is none.
        public let damage: StoreError?
    }

    private let segments: SegmentTable
    /// Owned by the reader alone, and freed with it. A piece of it is used up before the next one is read, and none is
    /// returned to a caller.
    private let window: UnsafeMutableRawBufferPointer
    private var segment: Segment?
    private var windowOffset = 0
    private var heldByteCount = 0

    init(_ segments: SegmentTable) {
        self.segments = segments
        window = .allocate(byteCount: Self.windowByteCount, alignment: 16)
    }

    deinit { window.deallocate() }

    /// Reads the record at a position, piece by piece.
    ///
    /// - Parameter goesOn: called before each piece, of at most 256 KiB.
    /// - Throws: `corruption` if no record can be there; `cancelled` when `goesOn` returned false; the operating
    ///   system's errors.
    public func read(
        _ index: EntryIndex, at position: EntryPosition, while goesOn: () -> Bool = { true }
    ) throws(StoreError) -> Record {
        let segment = try segments.segment(position.segment, holding: index)
        let start = Int(position.offset)
        let head = try bytes(of: segment, at: start, upTo: EntryHeader.byteCount)
        guard head.count == EntryHeader.byteCount else {
            throw segment.corruption(
                at: start, entry: index, "the file ends inside of the record")
        }
        let byteCount = entryByteCount(head)
        let keyByteCount = Int(head.number(UInt32.self, at: EntryHeader.keyByteCountOffset))
        guard byteCount <= maximumFramePayloadByteCount, keyByteCount <= Self.windowByteCount else {
            throw segment.corruption(at: start, entry: index, "the record's length is impossible")
        }
        let kind = head[EntryHeader.kindOffset]
        let checksum = head.number(UInt32.self, at: EntryHeader.checksumOffset)
        var crc = CRC32C()
        crc.update(index.rawValue)
        crc.update(UnsafeRawBufferPointer(rebasing: head[..<EntryHeader.checksumOffset]))
        var key: [UInt8] = []
        key.reserveCapacity(keyByteCount)
        var failure: StoreError?
        let leaf = Digest.leaf(index: index, keyByteCount: keyByteCount) { update in
            var next = start + EntryHeader.byteCount
            let end = start + byteCount
            while next < end {
                do throws(StoreError) {
                    guard goesOn() else { throw StoreError(.cancelled, "stopped") }
                    let piece = try bytes(of: segment, at: next, upTo: end - next)
                    guard !piece.isEmpty else {
                        throw segment.corruption(
                            at: start, entry: index, "the record is longer than its file")
                    }
                    crc.update(piece)
                    update(piece)
                    key += piece.prefix(keyByteCount - key.count)
                    next += piece.count
                } catch {
                    failure = error
                    return
                }
            }
        }
        if let failure { throw failure }
        return Record(
            index: index, kind: kind, position: position, byteCount: byteCount, key: key,
            valueByteCount: byteCount - EntryHeader.byteCount - keyByteCount, leaf: leaf,
            damage: crc.value == checksum
                ? nil : segment.corruption(at: start, entry: index, "the record fails its checksum")
        )
    }

    /// Returns the file of a position, and the byte in it, for a message.
    public func place(
        of index: EntryIndex, at position: EntryPosition
    ) throws(StoreError) -> String {
        let segment = try segments.segment(position.segment, holding: index)
        return "\(segment.path), byte \(position.offset), entry \(index)"
    }

    /// Returns bytes of a file, at most `count`, and as many as the window holds; none only at the end of the file. A
    /// piece of up to 16 bytes is only cut there.
    private func bytes(
        of segment: Segment, at start: Int, upTo count: Int
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        let needed = min(count, EntryHeader.byteCount)
        if segment !== self.segment || start < windowOffset
            || start + needed > windowOffset + heldByteCount
        {
            self.segment = nil
            heldByteCount = try segment.file().read(into: window, at: UInt64(start))
            windowOffset = start
            self.segment = segment
        }
        let first = start - windowOffset
        return UnsafeRawBufferPointer(
            rebasing: window[first..<min(first + count, heldByteCount)])
    }
}
