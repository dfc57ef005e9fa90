public import ImmudbStore

extension DatabaseOperations {
    /// The state of the database: whether it accepts writes and reads.
    public struct Health: Sendable {
        /// The reason why writes are refused, or nil if they are accepted.
        public let writeError: StoreError?
        /// The reason why keys cannot be looked up, or nil if they can.
        public let readError: StoreError?
        /// The damage of entries that was found.
        public let damage: DamagedState?
        /// Whether entries of a companion database are damaged.
        public let isCompanionDamaged: Bool

        public var takesWrites: Bool { writeError == nil && damage == nil }
        public var answersReads: Bool { readError == nil && damage?.refusesReads != true }
        /// Whether entries can be written and read, and none is known to be damaged.
        public var isWhole: Bool { takesWrites && answersReads && !isCompanionDamaged }
    }

    /// The known damage of entries, and its effect on calls. Writes are always refused.
    public struct DamagedState: Sendable {
        public let report: Database.DamageReport
        /// Whether reads are refused, too.
        public let refusesReads: Bool
    }

    /// The damage of the database; nil if none was found, which costs one atomic load.
    public var damage: DamagedState? {
        database.damage.map { DamagedState(report: $0, refusesReads: !servesDamaged) }
    }

    /// Checks the database: looks a key up, reads the newest entry unless it is large, and checks
    /// whether writes are accepted.
    public func health() -> Health {
        var readError: StoreError?
        do throws(StoreError) {
            try database.snapshot.checkReading()
        } catch {
            readError = error
        }
        return health(readError)
    }

    private func health(_ readError: StoreError?) -> Health {
        Health(
            writeError: database.health.failure, readError: readError, damage: damage,
            isCompanionDamaged: companions.contains { $0.damage != nil })
    }

    /// Checks the database from a task: reads the disk on a thread of the database.
    public func checkHealth() async -> Health {
        var readError: StoreError?
        do throws(StoreError) {
            try await database.checkReading()
        } catch {
            readError = error
        }
        return health(readError)
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
