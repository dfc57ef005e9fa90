import RocksDBBridge
public import StorageIO

extension KeyIndex {
    /// Memory and threads that several indexes can share.
    ///
    /// An open index retains the resources that it uses. The memory is freed, and the threads end, with the last index
    /// and the last reference to this object.
    ///
    /// `@unchecked Sendable`: the pointer is set once and freed in `deinit`. `rocks_open` only reads what
    /// it points to; RocksDB's cache and the C++ classes behind it have locks of their own.
    public final class Resources: @unchecked Sendable {
        public struct Options: Sendable {
            /// The most memory for blocks that were read from disk.
            public var cacheByteCount = 64 << 20
            /// The most memory for entries before they are written to files, in all indexes together; at least a
            /// mebibyte an index. Nil: each index only has a limit of its own.
            public var memtablesByteCount: Int?
            /// Threads that merge files.
            public var mergingThreadCount = 2
            /// Threads that write memtables to files.
            public var flushingThreadCount = 1

            public init() {}
        }

        let handle: OpaquePointer

        /// Starts the threads.
        /// - Throws: code `.io` if the system has no threads left.
        public init(_ options: Options = Options()) throws(StoreError) {
            let settings = rocks_resource_options(
                cache_byte_count: options.cacheByteCount,
                memtables_byte_count: options.memtablesByteCount ?? 0,
                merging_threads: Int32(options.mergingThreadCount),
                flushing_threads: Int32(options.flushingThreadCount))
            var resources: OpaquePointer?
            try RocksDatabase.check(rocks_resources_create(settings, &resources), nil)
            guard let resources else { throw StoreError(.index, "RocksDB returned no resources") }
            handle = resources
        }

        deinit { rocks_resources_release(handle) }
    }
}
