public import MerkleTree
public import StorageIO

/// The append-only files that are the source of truth of a database: segments of frames of entries.
///
/// - One writer: ``append(_:)`` and the other writing functions may be called by one thread at a time.
/// - Readers, on any thread: ``readEntry(_:at:byteCount:)`` and ``forEachFrame(from:_:)``.
///
/// An entry is in the ledger when the ``synchronize()`` after its frame has returned. Opening
/// recovers every frame that was synchronized, cuts a torn tail, and refuses damage before it.
/// `docs/format.md` draws the bytes; `LedgerFormat.swift` holds their offsets.
public final class Ledger: Sendable {
    public struct Options: Sendable {
        /// The size at which a new segment is begun. A larger frame gets a segment of its own. At most 2 GiB, since
        /// offsets have 32 bits.
        public var segmentByteCount: UInt64 = 128 << 20
        /// The most files of complete segments that are open at a time.
        public var openSegmentCount = 64
        /// Whether a ledger whose end is damaged is opened for reading; nothing is written to it then.
        public var servesDamaged = false

        /// The identity of a ledger that is created; nil for a random one. An existing ledger keeps its own.
        public var newIdentity: DatabaseIdentity?

        static let maximumSegmentByteCount: UInt64 = 2 << 30

        public init() {}
    }

    public let identity: DatabaseIdentity
    /// The damage because of which the ledger is only read; nil if it takes frames.
    public let damage: StoreError?
    let segments: SegmentTable
    private let writer: LedgerWriter
    private let sync = LedgerSync()

    /// What a view of the database shows about an entry that the ledger does not hold.
    public enum Evidence: Sendable {
        /// The entry was synchronized, and therefore acknowledged.
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
    ///   - witness: returns, after a crash, what the views of this database show about the first entry after
    ///     the recovered end. An acknowledged entry that is missing is damage.
    /// - Throws: `corruption` with file, offset and entry index, unless damage is served; `foreignDatabase`;
    ///   `incompatibleFormat`; the operating system's errors.
    /// - Complexity: reads the newest segment, and after a crash also the one before.
    public init(
        directory: String, fileSystem: any FileSystem = POSIXFileSystem(),
        options: Options = Options(), witness: @escaping Witness = { _, _ in .none },
        log: @escaping LogSink = { _, _ in }
    ) throws(StoreError) {
        let folder = SegmentDirectory(
            path: directory, fileSystem: fileSystem,
            files: SegmentFiles(fileSystem: fileSystem, capacity: options.openSegmentCount))
        let opened = try folder.open(options)
        identity = opened.identity
        segments = SegmentTable(opened.segments)
        let recovery = Recovery(folder: folder, segments: segments, witness: witness, log: log)
        let end = try Self.end(of: recovery, opened, servesDamaged: options.servesDamaged)
        damage = end.damage
        writer = try LedgerWriter(
            folder: folder, identity: identity, segments: segments, file: end.file, tail: end.tail,
            damage: end.damage, sync: sync, options: options)
    }

    /// Returns the recovered end or, of a damaged ledger that is served, its last valid frame.
    private static func end(
        of recovery: Recovery, _ opened: SegmentDirectory.Opened, servesDamaged: Bool
    ) throws(StoreError) -> (file: any StorageFile, tail: Recovery.Tail, damage: StoreError?) {
        do throws(StoreError) {
            if let damage = opened.damage { throw damage }
            let end = try recovery.run(opened.newest)
            return (end.file, end.tail, nil)
        } catch  where error.code == .corruption && servesDamaged {
            return (opened.newest, try recovery.lastValidFrame(), error)
        }
    }

    // MARK: writing (one thread)

    /// The number of appended entries, synchronized or not.
    public var size: TreeSize { writer.size }

    /// The entries before this are in segments that opening does not look at.
    public var recoveredFrom: TreeSize {
        TreeSize((segments.previous ?? segments.newest).firstIndex.rawValue)
    }

    /// The Merkle root over all appended entries.
    public var root: Digest { writer.root }

    /// Makes room for a frame and returns the position of its payload; may begin a new segment.
    /// - Throws: `noSpace` before anything is written, `tooLarge`, or the operating system's
    ///   errors.
    public func prepareFrame(payloadByteCount: Int) throws(StoreError) -> EntryPosition {
        try writer.prepare(payloadByteCount: payloadByteCount)
    }

    /// Writes a frame at the position that ``prepareFrame(payloadByteCount:)`` returned. It is durable, and may be
    /// acknowledged, after ``synchronize()``.
    ///
    /// - Parameter timeMicroseconds: the time that the frame states, in microseconds since 1970; nil for now.
    public func append(
        _ frame: borrowing FrameBuffer, timeMicroseconds: Int64? = nil
    ) throws(StoreError) {
        try writer.append(frame, timeMicroseconds: timeMicroseconds)
    }

    /// Makes all appended frames durable: one fdatasync.
    /// - Throws: `writesStopped`.
    public func synchronize() throws(StoreError) {
        try writer.synchronize()
    }

    /// Makes all frames durable that were appended before, on any thread: for a view that must not get ahead of the
    /// ledger on the disk.
    ///
    /// - Throws: `writesStopped`: the kernel reports a failed write only once, so the writer would not see the error.
    ///   The caller must stop all writing.
    public func synchronizeForView() throws(StoreError) {
        // Earlier segments were synchronized when the newest one was begun.
        try sync.run(segments.newest.file())
    }

    /// Synchronizes, and writes an end mark, so that a later opening can distinguish a damaged last frame from a torn
    /// one.
    public func close() throws(StoreError) {
        try writer.close()
    }

    // MARK: reading (any thread)

    /// Reads one entry and checks it against its own checksum.
    ///
    /// - Parameters:
    ///   - index: the expected entry; part of its checksum.
    ///   - byteCount: the length of its record, if known; saves a second read for long entries.
    /// - Throws: `corruption` with file, offset and entry index.
    /// - Complexity: one read of the file; two for an entry over 1 KiB whose length is not given.
    public func readEntry(
        _ index: EntryIndex, at position: EntryPosition, byteCount: Int? = nil
    ) throws(StoreError) -> LedgerEntry {
        try segments.segment(position.segment, holding: index).readEntry(
            index, at: position, byteCount: byteCount)
    }

    /// Returns the size of an entry's record by its header, which is not checked: for a caller that needs an estimate.
    /// At most the payload of a frame.
    public func recordByteCount(
        _ index: EntryIndex, at position: EntryPosition
    ) throws(StoreError) -> Int {
        try segments.segment(position.segment, holding: index).recordByteCount(at: position)
    }

    /// Returns a reader of many records, for one thread.
    public func recordReader() -> RecordReader { RecordReader(segments) }

    /// Returns the size of the ledger's files on disk, preallocated space included.
    public func byteCount() throws(StoreError) -> UInt64 {
        try segments.byteCount()
    }
}

extension TreeSize {
    /// The index that the next entry gets.
    var nextIndex: EntryIndex { EntryIndex(rawValue) }
}
