public import MerkleTree
public import StorageIO

// Reads whole segments, frame by frame, on any thread.

extension Ledger {
    /// Calls `body` with each frame that holds an entry from `index` up to before `end`, in order.
    ///
    /// Every byte is checked. Other threads may append entries meanwhile.
    /// - Precondition: the entries before `end` were appended when this function was called.
    /// - Throws: `corruption` where a frame is damaged or missing, and what `body` throws.
    /// - Complexity: reads the segments from the one that holds `index` on.
    public func forEachFrame(
        from index: EntryIndex, to end: EntryIndex,
        _ body: (borrowing FrameView) throws(StoreError) -> Void
    ) throws(StoreError) {
        let all = segments.all(from: index)
        for (number, segment) in all.enumerated() where segment.firstIndex < end {
            let segmentEnd = number + 1 < all.count ? min(all[number + 1].firstIndex, end) : end
            var expected = segment.firstIndex
            var scanner = try FrameScanner(segment: segment)
            while expected < segmentEnd, let frame = try scanner.next() {
                guard frame.type == .entries else { continue }
                guard frame.firstIndex == expected else {
                    throw segment.corruption(
                        at: frame.offset, entry: expected,
                        "the next frame begins with entry \(frame.firstIndex)")
                }
                expected = EntryIndex(expected.rawValue + UInt64(frame.count))
                if expected > index { try body(frame) }
            }
            guard expected >= segmentEnd else {
                throw segment.corruption(
                    at: scanner.offset, entry: expected, "no whole frame with a valid checksum")
            }
        }
    }

    /// Calls `body` with each valid frame that holds an entry from `index` up to before `end`, in order, and `missing` with
    /// the entries between them, whose frames are damaged.
    ///
    /// Otherwise as ``forEachFrame(from:to:_:)``.
    public func forEachValidFrame(
        from index: EntryIndex, to end: EntryIndex,
        missing: (Range<EntryIndex>) throws(StoreError) -> Void,
        _ body: (borrowing FrameView) throws(StoreError) -> Void
    ) throws(StoreError) {
        var expected = index
        let all = segments.all(from: index)
        for (number, segment) in all.enumerated() where segment.firstIndex < end {
            let segmentEnd = number + 1 < all.count ? min(all[number + 1].firstIndex, end) : end
            var scanner = try FrameScanner(segment: segment)
            while expected < segmentEnd, let frame = try scanner.nextValid() {
                let frameEnd = EntryIndex(frame.firstIndex.rawValue + UInt64(frame.count))
                guard frame.type == .entries, frameEnd > expected, frameEnd <= segmentEnd else {
                    continue
                }
                if frame.firstIndex > expected { try missing(expected..<frame.firstIndex) }
                try body(frame)
                expected = frameEnd
            }
            if expected < segmentEnd {
                try missing(expected..<segmentEnd)
                expected = segmentEnd
            }
        }
    }

    /// Finds the position of an entry by reading its segment: for use when the file of positions is damaged.
    public func locate(_ index: EntryIndex) throws(StoreError) -> EntryPosition? {
        try locate(index...index)[index]
    }

    /// Finds the positions of consecutive entries by reading their segments, as ``locate(_:)`` does. Entries whose frames
    /// are damaged are not found.
    public func locate(
        _ indexes: ClosedRange<EntryIndex>
    ) throws(StoreError) -> [EntryIndex: EntryPosition] {
        var found: [EntryIndex: EntryPosition] = [:]
        for segment in segments.all(from: indexes.lowerBound)
        where segment.firstIndex <= indexes.upperBound {
            var scanner = try FrameScanner(segment: segment)
            while let frame = try scanner.nextValid(), frame.firstIndex <= indexes.upperBound {
                guard frame.type == .entries else { continue }
                frame.forEachEntry { entry in
                    if indexes.contains(entry.index) { found[entry.index] = entry.position }
                }
                if found[indexes.upperBound] != nil { return found }
            }
        }
        return found
    }
}
