public import MerkleTree
public import StorageIO

/// Reads entries one after the other, in order, and checks every byte of their frames.
///
/// Holds one frame in memory, at least a mebibyte. Other threads may append entries meanwhile. Made by
/// ``Ledger/cursor(from:to:near:)``.
public struct LedgerCursor: ~Copyable {
    /// An entry, with what its frame says. Its bytes are valid until the cursor moves on.
    public struct Item {
        public let entry: FrameView.EntryView
        public let isFirstOfFrame: Bool
        /// The root over all entries up to this one, as the ledger has it; nil unless it is the last one of its frame.
        public let root: Digest?
        /// When the frame was written, in microseconds since 1970.
        public let timeMicroseconds: Int64
    }

    private let segments: [Segment]
    private let end: EntryIndex
    /// The entry that is read next.
    private var next: EntryIndex
    /// The segment that is read, as a number in `segments`.
    private var segmentNumber = 0
    private var scanner: FrameScanner
    private var frame: FrameView
    /// The entry with which the next frame begins.
    private var expected: EntryIndex
    /// The number of the next entry in `frame`, and where its record begins.
    private var number = 0
    private var offset = 0

    /// - Parameters:
    ///   - segments: the segment that holds the first entry, and those after it.
    ///   - position: see ``Ledger/cursor(from:to:near:)``.
    init(
        _ segments: [Segment], from first: EntryIndex, to end: EntryIndex,
        near position: EntryPosition?
    ) throws(StoreError) {
        precondition(!segments.isEmpty, "a ledger has a segment")
        let near = try position.flatMap { position throws(StoreError) in
            try Self.frameOffset(of: first, at: position, in: segments[0])
        }
        let scanner = try FrameScanner(
            segment: segments[0], offset: near ?? SegmentHeader.byteCount)
        self.segments = segments
        self.end = end
        self.scanner = scanner
        next = first
        expected = near == nil ? segments[0].firstIndex : first
        frame = .none
    }

    /// Returns where the frame begins whose first entry is at a position; nil if no frame begins with it.
    private static func frameOffset(
        of first: EntryIndex, at position: EntryPosition, in segment: Segment
    ) throws(StoreError) -> Int? {
        let offset = Int(position.offset) - FrameHeader.byteCount
        guard position.segment == segment.number, offset >= SegmentHeader.byteCount else {
            return nil
        }
        var scanner = try FrameScanner(segment: segment, offset: offset)
        guard let frame = try scanner.next(), frame.type == .entries, frame.firstIndex == first
        else { return nil }
        return offset
    }

    /// Returns the next entry.
    ///
    /// - Returns: nil at the end.
    /// - Throws: `corruption` where a frame is damaged or missing; the operating system's errors.
    public mutating func read() throws(StoreError) -> Item? {
        guard next < end else { return nil }
        while true {
            if let item = nextOfFrame() { return item }
            try readFrame()
        }
    }

    /// - Returns: nil if the frame has no entry at `next`.
    private mutating func nextOfFrame() -> Item? {
        guard next < expected else { return nil }
        while number < frame.count, let entry = frame.entry(number, at: offset) {
            let isFirst = number == 0
            number += 1
            offset += entry.byteCount
            guard entry.index >= next else { continue }
            next = EntryIndex(entry.index.rawValue + 1)
            return Item(
                entry: entry, isFirstOfFrame: isFirst,
                root: number == frame.count ? frame.root : nil,
                timeMicroseconds: frame.timeMicroseconds)
        }
        return nil
    }

    /// Moves to the next frame with entries, perhaps of the next segment.
    private mutating func readFrame() throws(StoreError) {
        number = 0
        offset = 0
        if segmentNumber + 1 < segments.count, expected == segments[segmentNumber + 1].firstIndex {
            segmentNumber += 1
            scanner = try FrameScanner(segment: segments[segmentNumber])
        }
        let segment = segments[segmentNumber]
        while true {
            guard let found = try scanner.next() else {
                throw segment.corruption(
                    at: scanner.offset, entry: expected, "no whole frame with a valid checksum")
            }
            guard found.type == .entries else { continue }
            guard found.firstIndex == expected else {
                throw segment.corruption(
                    at: found.offset, entry: expected,
                    "the next frame begins with entry \(found.firstIndex)")
            }
            expected = EntryIndex(expected.rawValue + UInt64(found.count))
            frame = found
            return
        }
    }
}

extension FrameView {
    /// A frame without entries.
    fileprivate static var none: FrameView {
        FrameView(
            segment: 0, offset: 0, type: .end, firstIndex: EntryIndex(0), count: 0,
            timeMicroseconds: 0, synchronizedOffset: 0,
            payload: UnsafeRawBufferPointer(start: nil, count: 0))
    }
}

extension Ledger {
    /// Makes a cursor over the entries from `first` up to before `end`.
    ///
    /// - Parameters:
    ///   - position: the position of the first entry, if it is known: if a frame begins with it, the part of the segment
    ///     before it is not read.
    /// - Precondition: the entries before `end` were appended when this function was called.
    /// - Throws: the operating system's errors.
    public func cursor(
        from first: EntryIndex, to end: EntryIndex, near position: EntryPosition? = nil
    ) throws(StoreError) -> LedgerCursor {
        try LedgerCursor(segments.all(from: first), from: first, to: end, near: position)
    }
}
