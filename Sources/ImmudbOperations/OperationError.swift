public import ImmudbStore

/// Why an operation has no result although the database did not fail.
public enum OperationError: Error, Equatable, Sendable {
    /// Nobody waits for the result.
    case callerHasGone
    /// The entries that the caller asks for exceed the limit of an answer, of so many bytes, and a part of
    /// them would look like all of them.
    case answerTooLarge(byteLimit: Int)
}

/// Why a write has no proof.
public enum ProvenAppendError: Error, Sendable {
    /// The request is refused: nothing was written.
    case refused(StoreError)
    /// As `Database.append` reports it: nothing was written, or with `outcomeUnknown` perhaps.
    case notAppended(StoreError)
    /// The entry is stored at this index, durable and visible; only its proof could not be computed.
    case storedUnproven(at: EntryIndex, StoreError)
}
