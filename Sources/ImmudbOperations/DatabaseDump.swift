public import ImmudbStore

extension DatabaseOperations {
    /// Dumps all entries of the newest snapshot in insertion order. Does not block writers.
    public func dump() -> DatabaseDump { DatabaseDump(of: database) }
}

/// All entries of a snapshot, in runs whose size is known before they are read.
///
/// Reads on the few threads of the database. So at most one run per such thread is in memory, for
/// any number of dumps.
public struct DatabaseDump: Sendable {
    /// Consecutive entries that `read` reads.
    public struct Run: Sendable {
        /// The number of entries.
        public var count: Int { run.count }
        /// The maximum total of their keys and values in bytes.
        public var byteCount: Int { run.byteCount }
        fileprivate let run: IndexWalk.Run
        /// The walk that reads them.
        fileprivate let walk: IndexWalk
    }

    /// The number of all entries.
    public let size: TreeSize
    private let database: Database
    private var walk: IndexWalk

    init(of database: Database) {
        let snapshot = database.snapshot
        self.database = database
        size = snapshot.size
        walk = snapshot.indexWalk(from: EntryIndex(0), room: AnswerRoom(byteLimit: .max))
    }

    /// Finds, without reading them, the next entries that have at most `byteLimit` bytes together,
    /// or only the next one if it is larger.
    ///
    /// - Returns: nil at the end.
    public func nextRun(upTo byteLimit: Int) async throws(StoreError) -> Run? {
        let walk = walk
        return try await database.reading { () throws(StoreError) in
            var walk = walk
            guard let run = try walk.nextRun(upTo: byteLimit) else { return nil }
            return Run(run: run, walk: walk)
        }
    }

    /// Reads the run that `nextRun` returned last, and moves past it.
    ///
    /// - Parameter body: makes the result, on a thread of the database. It calls `forEach` once, to
    ///   get the entries one after the other.
    public mutating func read<Result: Sendable>(
        _ run: Run,
        _ body:
            @escaping @Sendable (
                _ forEach: ((Entry) -> Void) throws(StoreError) -> Void
            ) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        let (result, behind) = try await database.reading { () throws(StoreError) in
            var walk = run.walk
            let result = try body { (take) throws(StoreError) in try walk.read(run.run, take) }
            return (result, walk)
        }
        walk = behind
        return result
    }
}
