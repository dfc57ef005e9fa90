import MerkleTree
import StorageIO

/// Finds the end of the newest segment after a stop or a crash.
///
/// What follows the last valid frame is one of three things:
/// - zeros: preallocated space, the normal case;
/// - a torn tail: bytes of frames that a crash kept from being synchronized. They were never acknowledged;
///   they are cut;
/// - damage: bytes that were synchronized once and are wrong now. Cutting them would lose acknowledged
///   entries; the ledger is refused.
///
/// Damage is told from a torn tail by its witnesses: a later valid frame, which states up to where the file
/// was synchronized when it was written; the frame that a clean close leaves; a view of the ledger, which is
/// only given entries that were synchronized.
struct Recovery {
    let segment: Segment
    let wasAcknowledged: (EntryIndex) -> Bool
    let log: LogSink

    /// Where the writer goes on.
    struct Tail {
        var offset: Int
        var size: TreeSize
        var root: Digest
    }

    func run() throws(StoreError) -> Tail {
        var scanner = try FrameScanner(segment: segment)
        var tail = Tail(
            offset: scanner.offset, size: TreeSize(segment.firstIndex.rawValue), root: segment.rootBefore)
        var isSynchronous = true
        var isClosed = false
        while let frame = try scanner.next() {
            guard frame.firstIndex.rawValue == tail.size.rawValue else {
                throw segment.corruption(
                    at: frame.offset, entry: tail.size.nextIndex,
                    "the next frame begins with entry \(frame.firstIndex)")
            }
            isSynchronous = frame.isSynchronous
            isClosed = frame.type == .end
            tail = Tail(
                offset: frame.offset + FrameHeader.byteCount + frame.payload.count,
                size: TreeSize(tail.size.rawValue + UInt64(frame.count)), root: frame.root)
        }
        if try !scanner.isZero(from: tail.offset) {
            try cut(tail, isSynchronous, &scanner)
        } else if isSynchronous && !isClosed {
            try refuseIfAcknowledged(tail)
        }
        return tail
    }

    private func cut(
        _ tail: Tail, _ isSynchronous: Bool, _ scanner: inout FrameScanner
    ) throws(StoreError) {
        if let witness = try scanner.search(from: tail.offset + 1),
            witness.synchronizedOffset > tail.offset, witness.firstIndex >= tail.size.nextIndex
        {
            throw segment.corruption(
                at: tail.offset, entry: tail.size.nextIndex,
                "no whole frame with a valid checksum, though one follows at byte \(witness.offset)")
        }
        if isSynchronous { try refuseIfAcknowledged(tail) }
        let byteCount = try segment.file.byteCount()
        log(
            .warning,
            "\(segment.file.path): the bytes from \(tail.offset) on are the torn end of a write that was "
                + "never acknowledged; they are cut. The ledger holds \(tail.size) entries")
        // Cut, not overwritten: what is reserved again reads as zeros.
        try segment.file.truncate(to: UInt64(tail.offset))
        try segment.file.allocate(byteCount: max(byteCount, UInt64(tail.offset)))
        try segment.file.synchronize()
    }

    private func refuseIfAcknowledged(_ tail: Tail) throws(StoreError) {
        guard wasAcknowledged(tail.size.nextIndex) else { return }
        throw segment.corruption(
            at: tail.offset, entry: tail.size.nextIndex,
            "no whole frame with a valid checksum, though the entry was acknowledged")
    }
}
