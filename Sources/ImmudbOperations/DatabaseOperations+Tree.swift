public import ImmudbStore

extension DatabaseOperations {
    /// What the database can do at the moment.
    public struct Health: Sendable {
        /// Why no writes are taken; nil if they are.
        public let writeError: StoreError?
        /// Why a key cannot be looked up; nil if it can.
        public let readError: StoreError?

        /// Whether entries are written and read.
        public var isWhole: Bool { writeError == nil && readError == nil }
    }

    /// Looks a key up, reads the newest entry unless it is large, and asks whether writes are taken.
    public func health() -> Health {
        var readError: StoreError?
        do throws(StoreError) {
            try database.snapshot.checkReading()
        } catch {
            readError = error
        }
        return Health(writeError: database.health.failure, readError: readError)
    }

    /// As ``health()``, for tasks: the disk is read on a thread of the database.
    public func checkHealth() async -> Health {
        var readError: StoreError?
        do throws(StoreError) {
            try await database.checkReading()
        } catch {
            readError = error
        }
        return Health(writeError: database.health.failure, readError: readError)
    }

    /// Size and root of the newest tree. Costs one lock.
    public var root: TrustedRoot { database.snapshot.trustedRoot }

    /// The proof that the entry at an index is in the newest tree.
    ///
    /// - Throws: `indexNotFound`.
    public func inclusion(of index: EntryIndex) throws(StoreError) -> EntryProof {
        let snapshot = database.snapshot
        return try snapshot.proof(of: index, since: snapshot.size)
    }

    /// The proof that the newest tree continues the one that ends at an index.
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
