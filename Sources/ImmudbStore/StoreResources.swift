import KeyIndex
public import StorageIO

/// Memory and threads that databases share, so that many small ones cost little more than one.
///
/// ```swift
/// var options = Database.Options()
/// options.resources = try StoreResources()
/// let databases = try names.map { try Database.open(at: $0, options: options) }
/// ```
///
/// Databases share the block cache of the key indexes, the limit of their memtables and the threads that write and
/// merge their files; the cache of checked digests; and the threads that read for tasks. A database without shared
/// resources has its own, with the defaults.
///
/// Each database keeps three threads of its own, which wait while it has nothing to do: its committer, its publisher
/// and its upkeep. They wait for its disk with a write under way; if databases shared them, one whose disk hangs would
/// stall the writes of the others. The shared threads wait for the disk, too, so databases that share resources belong
/// on one disk. If one of several disks hangs, reads of tasks wait for a thread, and the key indexes of the other
/// databases take up to four memtables before their writes wait.
///
/// Shared resources live until the last database that uses them is closed, and the last reference to this object is
/// released.
public final class StoreResources: Sendable {
    public struct Options: Sendable {
        /// Memory for blocks of key indexes.
        public var indexCacheByteCount = 64 << 20
        /// Memory for entries that are not in a file of their key index yet, in all databases together; at least a
        /// mebibyte each. Nil: each database only has a limit of its own, 64 MiB.
        public var indexWriteByteCount: Int? = 64 << 20
        /// Memory for checked digests of the tree.
        public var nodeCacheByteCount = StoreResources.defaultNodeCacheByteCount
        /// Threads that merge files of key indexes.
        public var mergingThreadCount = 2
        /// Threads that write files of key indexes.
        public var flushingThreadCount = 1
        /// Threads that read for tasks; at least one.
        public var readerThreadCount = 2

        public init() {}
    }

    /// Memory for 2^18 sets.
    static let defaultNodeCacheByteCount = 48 << 20

    let index: KeyIndex.Resources
    let nodes: NodeCache
    let readers: ReaderThreads

    /// Starts the shared threads.
    /// - Throws: `io` if the system has no threads left.
    public init(_ options: Options = Options()) throws(StoreError) {
        var settings = KeyIndex.Resources.Options()
        settings.cacheByteCount = options.indexCacheByteCount
        settings.memtablesByteCount = options.indexWriteByteCount
        settings.mergingThreadCount = options.mergingThreadCount
        settings.flushingThreadCount = options.flushingThreadCount
        index = try KeyIndex.Resources(settings)
        nodes = NodeCache(byteCount: options.nodeCacheByteCount)
        readers = try ReaderThreads(count: max(1, options.readerThreadCount))
    }

    /// Makes the resources of a single database.
    convenience init(forOne options: Database.Options) throws(StoreError) {
        var settings = Options()
        settings.indexCacheByteCount = options.indexCacheByteCount
        settings.indexWriteByteCount = nil
        try self.init(settings)
    }

    deinit {
        // Never runs on one of these threads: a database releases its resources when it is closed, on the caller's
        // thread or on one of its own.
        readers.end()
    }
}
