public import ImmudbStore
public import POSIX

/// The operations of a database for callers outside of the process, one function each.
///
/// They are the layer between a wire and the store. A wire (gRPC of immudb 0.6, REST) turns its
/// messages into arguments, and results and errors into its answers. Everything that does not
/// depend on the wire is here: the snapshot that an operation reads, the checks before a write, the
/// limits of answers, and the end of operations whose caller has gone.
///
/// Operations block on the disk: call them on a thread that may block. Reads use the newest
/// snapshot, and the whole result of an operation comes from one snapshot. Writes return at once
/// and complete on a thread of the database, where nothing may block.
///
/// Errors are `StoreError`, with the codes that the database's own calls document, and
/// `OperationError`.
public struct DatabaseOperations: Sendable {
    /// The limit of the answer to one operation.
    public struct AnswerLimit: Sendable {
        /// The maximum number of bytes of an answer's entries.
        public var byteCount: Int
        /// The maximum number of bytes that an entry adds to its key and value on the wire.
        public var entryOverheadByteCount: Int

        public init(byteCount: Int, entryOverheadByteCount: Int) {
            self.byteCount = byteCount
            self.entryOverheadByteCount = entryOverheadByteCount
        }
    }

    public let database: Database
    let answerLimit: AnswerLimit
    let proofs: ProofQueue
    /// Whether reads are still served after damage of entries was found.
    let servesDamaged: Bool
    /// Databases whose damage also counts for this database's health.
    let companions: [Database]

    /// - Throws: `Errno` if the system cannot start a thread for proofs.
    public init(
        on database: Database, answerLimit: AnswerLimit, servesDamaged: Bool = false,
        beside companions: [Database] = []
    ) throws(Errno) {
        proofs = try ProofQueue()
        self.database = database
        self.answerLimit = answerLimit
        self.servesDamaged = servesDamaged
        self.companions = companions
    }

    func answerRoom(limit: Int = .max) -> AnswerRoom {
        AnswerRoom(
            limit: limit, byteLimit: answerLimit.byteCount,
            entryOverheadByteCount: answerLimit.entryOverheadByteCount)
    }
}
