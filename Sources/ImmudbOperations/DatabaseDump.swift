public import ImmudbStore

extension DatabaseOperations {
    /// All entries of the newest snapshot, in insertion order, while writers go on.
    public func dump() -> DatabaseDump { DatabaseDump(of: database) }
}

/// All entries of a snapshot in runs, whose size is known before they are read.
///
/// Its calls read on the database's own threads, of which there are few: as many runs are in memory at a
/// time, however many dumps there are.
public struct DatabaseDump: Sendable {
    /// Entries next to each other, to be read by `read`.
    public struct Run: Sendable {
        /// Of the entries.
        public var count: Int { run.count }
        /// The most bytes of their keys and values together.
        public var byteCount: Int { run.byteCount }
        fileprivate let run: IndexWalk.Run
        /// The walk that is about to read it.
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

    /// The next entries that have at most that many bytes together, or the next one alone. None is read
    /// yet.
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

    /// Reads the run that `nextRun` returned last, and goes on behind it.
    ///
    /// - Parameter body: runs on a thread of the database. Calls `forEach`, once, to get the entries one
    ///   after the other, and makes the result of them.
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
