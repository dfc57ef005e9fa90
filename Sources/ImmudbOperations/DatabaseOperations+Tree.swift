public import ImmudbStore

extension DatabaseOperations {
    /// The state of the database: whether it takes writes and reads.
    public struct Health: Sendable {
        /// The reason why no writes are taken, or nil if they are.
        public let writeError: StoreError?
        /// The reason why keys cannot be looked up, or nil if they can.
        public let readError: StoreError?

        /// Whether entries can be written and read.
        public var isWhole: Bool { writeError == nil && readError == nil }
    }

    /// Checks the database: looks a key up, reads the newest entry unless it is large, and asks
    /// whether writes are taken.
    public func health() -> Health {
        var readError: StoreError?
        do throws(StoreError) {
            try database.snapshot.checkReading()
        } catch {
            readError = error
        }
        return Health(writeError: database.health.failure, readError: readError)
    }

    /// Checks the database from a task: reads the disk on a thread of the database.
    public func checkHealth() async -> Health {
        var readError: StoreError?
        do throws(StoreError) {
            try await database.checkReading()
        } catch {
            readError = error
        }
        return Health(writeError: database.health.failure, readError: readError)
    }

    /// The size and root of the newest tree. Costs one lock.
    public var root: TrustedRoot { database.snapshot.trustedRoot }

    /// Proves that the entry at an index is in the newest tree.
    ///
    /// - Throws: `indexNotFound`.
    public func inclusion(of index: EntryIndex) throws(StoreError) -> EntryProof {
        let snapshot = database.snapshot
        return try snapshot.proof(of: index, since: snapshot.size)
    }

    /// Proves that the newest tree continues the tree that ends at an index.
    ///
    /// - Throws: `indexNotFound`.
    public func consistency(
        since last: EntryIndex
    ) throws(StoreError) -> (proof: ConsistencyProof, tree: TrustedRoot) {
        let snapshot = database.snapshot
        guard snapshot.size.contains(last) else { throw snapshot.noEntry(at: last) }
        let proof = try snapshot.consistencyProof(from: TreeSize(lastIndex: last))
        return (proof, snapshot.trustedRoot)
    }
}

extension Snapshot {
    func noEntry(at index: EntryIndex) -> StoreError {
        StoreError(.indexNotFound, "a tree of \(size) entries has no entry \(index)")
    }
}
