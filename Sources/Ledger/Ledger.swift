public import MerkleTree
public import StorageIO

/// The append-only files that are the truth of a database: segments of frames of entries.
///
/// - One writer: ``append(_:)`` and the calls next to it belong to one thread at a time.
/// - Readers, on any thread: ``readEntry(_:at:byteCount:)`` and ``forEachFrame(from:_:)``.
///
/// An entry is in the ledger when the ``synchronize()`` after its frame has returned. Opening
/// recovers every frame that was synchronized, cuts a torn tail, and refuses damage before it.
/// `docs/format.md` draws the bytes; `LedgerFormat.swift` holds their offsets.
public final class Ledger: Sendable {
    public struct Options: Sendable {
        /// Where a new segment is begun. A larger frame gets a segment of its own.
        /// 2 GiB at most: offsets have 32 bits.
        public var segmentByteCount: UInt64 = 128 << 20
        /// The most files of complete segments that are open at a time.
        public var openSegmentCount = 64

        static let maximumSegmentByteCount: UInt64 = 2 << 30

        public init() {}
    }

    public let identity: DatabaseIdentity
    let segments: SegmentTable
    private let writer: LedgerWriter
    private let sync = LedgerSync()

    /// What a view of the database knows about an entry that the ledger does not hold.
    public enum Evidence: Sendable {
        /// The entry was synchronized once, hence acknowledged.
        case acknowledged
        /// Entries are synchronized before they are acknowledged, and this one was not.
        case neverAcknowledged
        /// There is no such view, or entries were acknowledged before they were synchronized.
        case none
    }

    public typealias Witness = (EntryIndex, DatabaseIdentity) throws(StoreError) -> Evidence

    /// Opens the ledger in a folder, or creates it there.
    ///
    /// - Parameters:
    ///   - witness: what the views of this database know about the first entry behind the recovered
    ///     end, after a crash. One that was acknowledged and is not there is damage.
    /// - Throws: `corruption` with file, offset and entry index; `foreignDatabase`;
    ///   `incompatibleFormat`; the operating system's errors.
    /// - Complexity: reads the newest segment, after a crash also the one before.
    public init(
        directory: String, fileSystem: any FileSystem = POSIXFileSystem(),
        options: Options = Options(), witness: @escaping Witness = { _, _ in .none },
        log: @escaping LogSink = { _, _ in }
    ) throws(StoreError) {
        let folder = SegmentDirectory(
            path: directory, fileSystem: fileSystem,
            files: SegmentFiles(fileSystem: fileSystem, capacity: options.openSegmentCount))
        let opened = try folder.open(segmentByteCount: options.segmentByteCount)
        identity = opened.identity
        segments = SegmentTable(opened.segments)
        let end = try Recovery(
            folder: folder, segments: segments, witness: witness, log: log
        ).run(opened.newest)
        writer = try LedgerWriter(
            folder: folder, identity: identity, segments: segments, file: end.file, tail: end.tail,
            sync: sync, options: options)
    }

    // MARK: writing (one thread)

    /// The number of entries appended, synchronized or not.
    public var size: TreeSize { writer.size }

    /// The Merkle root over all entries appended.
    public var root: Digest { writer.root }

    /// Makes room for a frame and says where its payload will lie; may begin a new segment.
    /// - Throws: `noSpace` before anything is written, `tooLarge`, or the operating system's
    ///   errors.
    public func prepareFrame(payloadByteCount: Int) throws(StoreError) -> EntryPosition {
        try writer.prepare(payloadByteCount: payloadByteCount)
    }

    /// Writes a frame at the position that ``prepareFrame(payloadByteCount:)`` gave. It is durable,
    /// and may be acknowledged, after ``synchronize()``.
    public func append(_ frame: borrowing FrameBuffer) throws(StoreError) {
        try writer.append(frame)
    }

    /// Makes all appended frames durable: one fdatasync.
    /// - Throws: `writesStopped`.
    public func synchronize() throws(StoreError) {
        try writer.synchronize()
    }

    /// Makes the frames durable that were appended before this call, on any thread: for a view that
    /// must not get ahead of the ledger on the disk.
    ///
    /// - Throws: `writesStopped`: the kernel reports a failed write once, so the writer would not
    ///   hear of it. The caller stops all writing.
    public func synchronizeForView() throws(StoreError) {
        // Segments before the newest were synchronized when it was begun.
        try sync.run(segments.newest.file())
    }

    /// Synchronizes, and marks the end, so that a later opening can tell a damaged last frame from
    /// a torn one.
    public func close() throws(StoreError) {
        try writer.close()
    }

    // MARK: reading (any thread)

    /// Reads one entry and checks it against its own checksum.
    ///
    /// - Parameters:
    ///   - index: the entry that should lie there; part of its checksum.
    ///   - byteCount: the length of its record, if known; saves a second read for long entries.
    /// - Throws: `corruption` with file, offset and entry index.
    /// - Complexity: one read of the file; two for an entry over 1 KiB whose length is not given.
    public func readEntry(
        _ index: EntryIndex, at position: EntryPosition, byteCount: Int? = nil
    ) throws(StoreError) -> LedgerEntry {
        try segments.segment(position.segment, holding: index).readEntry(
            index, at: position, byteCount: byteCount)
    }

    /// The bytes of an entry's record according to its header, which is not checked: for a caller
    /// that has to know about how large it is. At most what a frame holds.
    public func recordByteCount(
        _ index: EntryIndex, at position: EntryPosition
    ) throws(StoreError) -> Int {
        try segments.segment(position.segment, holding: index).recordByteCount(at: position)
    }

    /// Calls `body` with each frame that holds an entry from `index` up to before `end`, in order.
    ///
    /// Every byte is checked. The entries may be read while further ones are appended.
    /// - Precondition: `end` is not beyond what was appended when the call began.
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

    /// Where an entry lies, found by reading its segment: for the day when the file that knows is
    /// damaged.
    public func locate(_ index: EntryIndex) throws(StoreError) -> EntryPosition? {
        guard let segment = segments.all(from: index).first else { return nil }
        var scanner = try FrameScanner(segment: segment)
        while let frame = try scanner.next() {
            guard frame.type == .entries, frame.contains(index) else { continue }
            var found: EntryPosition?
            frame.forEachEntry { entry in
                if entry.index == index { found = entry.position }
            }
            return found
        }
        return nil
    }

    /// The bytes that the ledger takes on disk, preallocated space included.
    public func byteCount() throws(StoreError) -> UInt64 {
        try segments.byteCount()
    }
}

extension TreeSize {
    /// The index that the next entry gets.
    var nextIndex: EntryIndex { EntryIndex(rawValue) }
}
