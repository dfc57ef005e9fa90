import KeyIndex

extension Database {
    /// Memory that an open database takes, by part, in bytes. Beside these: what waits for the committer
    /// (``waitingWrites``), and what calls have in their hands.
    public struct MemoryUse: Hashable, Sendable {
        /// Entries of the key index that are not in a file of it yet.
        public var memtables: UInt64
        /// What is kept of the files of the key index while they are open: their own indexes and filters.
        public var tables: UInt64
        /// Blocks of key indexes; of all databases that share their resources.
        public var blockCache: UInt64
        /// Checked digests of trees; of all databases that share their resources.
        public var nodeCache: UInt64
    }

    /// What the database takes in memory now. Does not touch the disk.
    ///
    /// - Returns: zeros for the key index while it is closed.
    /// - Complexity: some microseconds for each open file of the index.
    public var memoryUse: MemoryUse {
        let index = storage.index.memoryUse
        return MemoryUse(
            memtables: index.memtables, tables: index.tables, blockCache: index.blockCache,
            nodeCache: UInt64(storage.tree.cache.totalByteCount))
    }
}
