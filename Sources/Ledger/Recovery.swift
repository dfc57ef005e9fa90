import MerkleTree
import StorageIO

/// Finds the end of the newest segment after a stop or a crash.
///
/// What follows the last valid frame is one of three things:
/// - zeros: preallocated space, the normal case;
/// - a torn tail: bytes of frames that a crash kept from being synchronized. They were never
///   acknowledged; they are cut;
/// - damage: bytes that were synchronized once and are wrong now. Cutting them would lose
///   acknowledged entries; the ledger is refused.
///
/// Damage is told from a torn tail by its witnesses: a later valid frame that states that the file
/// was synchronized beyond this place when it was written; and a view that is only given entries
/// that were synchronized.
struct Recovery {
    let segment: Segment
    let wasAcknowledged: Ledger.Witness
    let log: LogSink

    /// Where the writer goes on.
    struct Tail {
        var offset: Int
        /// Up to where the last frame says that the file was synchronized before it.
        var synchronizedOffset: Int
        var size: TreeSize
        var root: Digest
        /// Whether the last frame is that of a clean close.
        var isEnded = false
    }

    func run() throws(StoreError) -> Tail {
        var scanner = try FrameScanner(segment: segment)
        var tail = Tail(
            offset: scanner.offset, synchronizedOffset: scanner.offset,
            size: TreeSize(segment.firstIndex.rawValue), root: segment.rootBefore)
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
        let isTorn = try !scanner.isZero(from: tail.offset)
        if isTorn { try refuseIfWitnessed(tail, &scanner) }
        // Also where only zeros are left: they may be what a disk gives back for lost bytes.
        if try wasAcknowledged(tail.size.nextIndex, segment.identity) {
            throw segment.corruption(
                at: tail.offset, entry: tail.size.nextIndex,
                "no whole frame with a valid checksum, though the tree file shows that the entry was "
                    + "acknowledged")
        }
        if isTorn { try cut(tail) }
        return tail
    }

    private func refuseIfWitnessed(
        _ tail: Tail, _ scanner: inout FrameScanner
    ) throws(StoreError) {
        var place = tail.offset + 1
        while let witness = try scanner.search(from: place) {
            guard witness.synchronizedOffset <= tail.offset else {
                throw segment.corruption(
                    at: tail.offset, entry: tail.size.nextIndex,
                    "no whole frame with a valid checksum, though one that was written after it follows "
                        + "at byte \(witness.offset)")
            }
            place = scanner.offset
        }
    }

    private func cut(_ tail: Tail) throws(StoreError) {
        log(
            .warning,
            "\(segment.file.path): the bytes from \(tail.offset) on are the torn end of a write that was "
                + "never acknowledged; they are cut. The ledger holds \(tail.size) entries")
        // Cut, not overwritten: what is reserved again reads as zeros.
        try segment.file.truncate(to: UInt64(tail.offset))
        try segment.file.synchronize()
    }
}
