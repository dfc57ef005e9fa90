// The key index: the addresses in the ledger of the versions of each key. A view, rebuilt from the
// ledger when in doubt.
//
// Read `IndexRecord` for the layout of the records, `KeyIndex+Apply` for how entries are added,
// `KeyIndex+Read` for why readers need no lock, `KeyIndex+Walk` for keys and sorted sets in their
// order, `RocksDatabase` for the functions that call RocksDB, and `RocksHost` for those that RocksDB calls.

public import MerkleTree
public import StorageIO
import Synchronization

/// Finds the newest and the older versions of a key, and the members of a sorted set, as addresses in
/// the ledger.
///
/// One thread at a time applies entries; a second one waits. Any number of threads read meanwhile. All functions block.
/// The index has no log of its own: after a crash it lacks some of the last entries, is complete up to `completeSize`,
/// and the caller applies the rest again from the ledger.
///
/// Memory: the block cache of its `Resources`, at most four memtables of
/// `Options.memtableByteCount` (64 MiB with the defaults), and filters and block indexes of the
/// open files, about 1.7 bytes an entry (17 MiB for 10^7 entries).
public final class KeyIndex: Sendable {
    public struct Options: Sendable {
        /// Memory and threads that are shared with other indexes; nil: the index has its own, with the defaults.
        public var resources: Resources?
        /// The size at which entries in memory are written to a file.
        public var memtableByteCount = 16 << 20
        /// With 10 bits, one look-up in 100 for a missing key reads a block unnecessarily.
        public var bloomBitsPerKey = 10
        /// The most files that are open at a time; beyond this, one is closed for each that is opened.
        public var maxOpenFiles = 512
        /// Receives RocksDB's warnings and errors.
        public var log: LogSink = { _, _ in }
        /// Called before entries in memory are written to a file, on a thread of the index: the records that the
        /// entries refer to must be durable when it returns. Applying may wait for it, so it must not wait for a
        /// function of the index.
        public var beforeFlush: @Sendable () -> Void = {}

        public init() {}
    }

    let database: RocksDatabase
    let writer: Mutex<IndexWriter>
    private let appliedSize: Atomic<UInt64>

    private init(_ database: RocksDatabase, completeSize: TreeSize) {
        self.database = database
        writer = Mutex(IndexWriter())
        appliedSize = Atomic(completeSize.rawValue)
    }

    /// Opens the index in the folder `path`, or creates it.
    ///
    /// Checks the files as RocksDB does at opening: that all exist with the right sizes. Their blocks are checked when
    /// they are read.
    ///
    /// All threads of the index are started before a file is touched.
    ///
    /// - Throws: code `.foreignDatabase` if it belongs to another database, `.incompatibleFormat` if another version
    ///   wrote it, `.corruption` if files are damaged or missing: in these cases the caller may `remove(at:)` it and
    ///   open it again, to fill it from the ledger. `.inUse` if it is already open; `.io` if the system has no threads
    ///   left; codes of the file system.
    public static func open(
        at path: String, identity: DatabaseIdentity,
        fileSystem: any FileSystem = POSIXFileSystem(), options: Options = Options()
    ) throws(StoreError) -> KeyIndex {
        try fileSystem.createDirectory(path)
        let database = try RocksDatabase(path: path, fileSystem: fileSystem, options: options)
        do throws(StoreError) {
            let size = try prepare(database, identity)
            return KeyIndex(database, completeSize: size)
        } catch {
            database.close()
            throw error
        }
    }

    /// Removes the files of an index that is not open. Does nothing if the folder does not exist.
    ///
    /// - Throws: code `.inUse` if it is open, or an error of the file system.
    public static func remove(
        at path: String, fileSystem: any FileSystem = POSIXFileSystem()
    ) throws(StoreError) {
        guard try fileSystem.exists(path) else { return }
        try RocksDatabase.remove(at: path, fileSystem)
    }

    /// Checks that the index belongs to the database, or writes the database's identity into a new index, durably.
    ///
    /// - Returns: the mark up to which the index is complete.
    private static func prepare(
        _ database: RocksDatabase, _ identity: DatabaseIdentity
    ) throws(StoreError) -> TreeSize {
        if let size = try completeSize(of: database, identity) { return size }
        try database.put(IndexRecord.headerKey, IndexHeader(identity: identity).encoded)
        try database.flush(wait: true)
        return TreeSize(0)
    }

    /// Checks that the index belongs to the database.
    ///
    /// - Returns: the mark up to which the index is complete; nil if it holds nothing, not even an identity.
    static func completeSize(
        of database: RocksDatabase, _ identity: DatabaseIdentity
    ) throws(StoreError) -> TreeSize? {
        let header = IndexHeader(identity: identity)
        guard let stored = try database.value(of: IndexRecord.headerKey) else {
            guard try database.isEmpty() else {
                throw StoreError(
                    .incompatibleFormat, "\(database.path) is not a key index of this software")
            }
            return nil
        }
        try header.check(stored, path: database.path)
        guard let mark = try database.value(of: IndexRecord.markKey) else { return TreeSize(0) }
        guard let size = IndexRecord.size(ofMark: mark) else {
            throw database.damaged("its mark is unreadable")
        }
        return size
    }

    /// Entries `0 ..< completeSize` are in the index.
    ///
    /// The mark is written with the entries, in one atomic batch, so that it is right after any opening.
    public var completeSize: TreeSize { TreeSize(appliedSize.load(ordering: .acquiring)) }

    /// - Precondition: called by the holder of the writer.
    func advance(to size: TreeSize) {
        appliedSize.store(size.rawValue, ordering: .releasing)
    }

    /// Writes the index's memory to disk; entries that were applied before need not be applied again after a crash.
    ///
    /// - Parameter wait: whether to wait until they are durable; otherwise the work is only begun.
    public func flush(wait: Bool) throws(StoreError) {
        try database.reading { () throws(StoreError) in try database.flush(wait: wait) }
    }

    /// Returns the size of the index's files on disk; 0 after closing.
    public func byteCount() -> UInt64 {
        (try? database.reading { database.fileByteCount() }) ?? 0
    }

    /// Memory by part, in bytes.
    public struct MemoryUse: Hashable, Sendable {
        /// Entries that are not in a file yet.
        public var memtables: UInt64
        /// Indexes and filters of the open files.
        public var tables: UInt64
        /// Blocks that were read, of all indexes with the same resources.
        public var blockCache: UInt64

        public init(memtables: UInt64 = 0, tables: UInt64 = 0, blockCache: UInt64 = 0) {
            self.memtables = memtables
            self.tables = tables
            self.blockCache = blockCache
        }
    }

    /// Returns the memory that the index takes now. Reads no file. Zeros after closing.
    public func memoryUse() -> MemoryUse {
        (try? database.reading { database.memoryUse() }) ?? MemoryUse()
    }

    /// Waits for readers and writers, writes the index's memory to disk, and closes. Later use throws code `.closed`.
    /// Closing twice does nothing. After a failed write, closing takes up to a second.
    public func close() {
        database.close()
    }

    deinit {
        database.close()
    }
}
