public import ImmudbStore
public import POSIX

/// What a database does for those who call it from outside of the process: one function an operation.
///
/// Between a wire and the store. A wire (gRPC of immudb 0.6, REST) turns its messages into arguments,
/// and results and errors into its answers; all that does not depend on the wire is here: which snapshot
/// an operation reads, what is checked before anything is written, limits of answers, and when work is
/// given up since its caller has gone.
///
/// Operations block on the disk: call them on a thread that may. Reads are of the newest snapshot, and all
/// that one operation returns is of one snapshot. Writes return at once and complete on a thread of the
/// database, where nothing may block.
///
/// Errors are `StoreError`, with the codes that the database's own calls document, and `OperationError`.
public struct DatabaseOperations: Sendable {
    /// How large the answer to one operation may be.
    public struct AnswerLimit: Sendable {
        /// The most bytes of an answer's entries.
        public var byteCount: Int
        /// What an entry adds on the wire to its key and value.
        public var entryOverheadByteCount: Int

        public init(byteCount: Int, entryOverheadByteCount: Int) {
            self.byteCount = byteCount
            self.entryOverheadByteCount = entryOverheadByteCount
        }
    }

    public let database: Database
    let answerLimit: AnswerLimit
    let proofs: ProofQueue

    /// - Throws: `Errno` when the system gives no thread for proofs.
    public init(on database: Database, answerLimit: AnswerLimit) throws(Errno) {
        proofs = try ProofQueue()
        self.database = database
        self.answerLimit = answerLimit
    }

    func answerRoom(limit: Int = .max) -> AnswerRoom {
        AnswerRoom(
            limit: limit, byteLimit: answerLimit.byteCount,
            entryOverheadByteCount: answerLimit.entryOverheadByteCount)
    }
}
