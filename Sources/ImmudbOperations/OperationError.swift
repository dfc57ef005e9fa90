public import ImmudbStore

/// The reason why an operation has no result although the database did not fail.
public enum OperationError: Error, Equatable, Sendable {
    /// The caller no longer waits for the result.
    case callerHasGone
    /// The requested entries exceed the limit of an answer, and a part of them would look like all
    /// of them.
    case answerTooLarge(byteLimit: Int)
}

/// The reason why a write has no proof.
public enum ProvenAppendError: Error, Sendable {
    /// The request was refused: nothing was written.
    case refused(StoreError)
    /// As `Database.append` reports it: nothing was written, except perhaps with `outcomeUnknown`.
    case notAppended(StoreError)
    /// The entry is stored at this index, durable and visible; only its proof could not be
    /// computed.
    case storedUnproven(at: EntryIndex, StoreError)
}
