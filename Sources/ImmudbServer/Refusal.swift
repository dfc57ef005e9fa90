import ImmudbOperations
import ImmudbProtocol
import ImmudbStore
import RPCTransport

/// The gRPC status of a call that gets an error instead of an answer.
struct Refusal: Error {
    var code: StatusCode
    /// The text for the client.
    var message: String
    /// The complete error for the log, if the server caused it.
    var fault: (any Error)?

    init(_ code: StatusCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Maps any error of a handler to a status.
    init(_ error: any Error) {
        switch error {
        case let refusal as Refusal: self = refusal
        case let error as StoreError: self.init(error)
        case OperationError.callerHasGone: self = .callerHasGone
        default:
            self.init(.internalError, "the server failed: its log says how")
            fault = error
        }
    }

    /// Maps each error of a database to a status of the wire. This is the only such table. If 0.6
    /// has a text, clients get it; the store's own messages are for programs that embed the
    /// database.
    init(_ error: StoreError) {
        switch error.code {
        case .invalidKey:
            self = .invalidKey
        case .invalidReference:
            self.init(.invalidArgument, "invalid reference")
        case .invalidSet:
            self.init(.invalidArgument, "invalid set")
        case .invalidScore:
            self.init(.invalidArgument, "invalid score: NaN has no order")
        case .invalidPrefix:
            self = .invalidPrefix
        case .invalidOffset:
            self.init(.invalidArgument, "invalid offset")
        case .keyTooLong:
            self.init(.invalidArgument, error.message)
        case .emptyBatch:
            self.init(.invalidArgument, "empty batch")
        case .invalidRootIndex:
            self = .invalidRootIndex
        case .otherHistory:
            self.init(.failedPrecondition, error.message)
        case .tooManyEntries, .tooLarge:
            self.init(.unknown, "Txn is too big to fit into one request")
        case .keyNotFound:
            self = .keyNotFound
        case .indexNotFound:
            self = .indexNotFound
        case .overloaded:
            self.init(.resourceExhausted, error.message)
        case .closed:
            self.init(.unknown, "Writes are blocked, possibly due to DropAll or Close")
        case .tampered:
            self.init(.dataLoss, error.message)
            fault = error
        case .corruption:
            let what = error.damagedEntry.map { "entry \($0) is damaged" }
            self.init(
                .dataLoss, "\(what ?? "stored bytes are damaged"): the server's log says where")
            fault = error
        case .noSpace:
            self.init(.resourceExhausted, "no space left for the database")
            fault = error
        case .writesStopped:
            self.init(
                .unavailable,
                "not stored: the database takes no writes since one failed; the server's log says why"
            )
            fault = error
        case .notStored:
            self.init(.unavailable, "not stored: \(error.message)")
            fault = error
        case .indexBehind:
            self.init(.unavailable, error.message)
        case .outcomeUnknown:
            self.init(
                .internalError,
                "the entry may have been stored: the disk failed while it was written, and the server's log "
                    + "says how. Look before you write it again")
            fault = error
        case .storedUnproven:
            self.init(.internalError, error.message)
            fault = error
        case .cancelled:
            self = .callerHasGone
        case .incompatibleFormat, .foreignDatabase, .inUse, .permissionDenied, .io, .index,
            .noDescriptors:
            self.init(.internalError, "the database failed: the server's log says how")
            fault = error
        }
    }

    /// Maps the error of a write that the database did not append.
    ///
    /// INTERNAL on a write says that its entry may have been stored. An error before the entry is in the ledger, such
    /// as a key index that cannot be read, gets UNAVAILABLE instead: the entry is certainly not stored. For the same
    /// reason damage gets FAILED_PRECONDITION instead of DATA_LOSS.
    init(ofWrite error: StoreError) {
        self.init(error)
        guard [.internalError, .dataLoss].contains(code), error.code != .outcomeUnknown else {
            return
        }
        code = code == .dataLoss ? .failedPrecondition : .unavailable
        message = "not stored: \(message)"
    }

    /// Refuses a write whose entry is stored, but whose answer cannot be made.
    ///
    /// The status never says that nothing was stored: a client would write its entry again.
    init(storedAt index: EntryIndex, unprovable error: StoreError) {
        let cause = Refusal(error)
        let reason = error.code == .closed ? "the database was closed" : cause.message
        self.init(
            .internalError,
            "the entry was stored at index \(index), but its proof cannot be made: \(reason). "
                + "Read it instead of writing it again")
        fault = cause.fault ?? error
    }

    static let callerHasGone = Refusal(.cancelled, "the caller has gone")
    static let invalidKey = Refusal(.invalidArgument, "invalid key")
    static let keyNotFound = Refusal(.notFound, "Key not found")
    static let indexNotFound = Refusal(.notFound, "index not found")
    static let invalidRootIndex = Refusal(
        .invalidArgument, ErrorText.invalidRootIndex)
    static let invalidPrefix = Refusal(.invalidArgument, "invalid key prefix")
    static let notStructured = Refusal(
        .failedPrecondition, "unexpected not structured value encountered")

    /// Refuses a list that must be complete but does not fit into one message.
    static func tooLargeAnswer(_ byteCount: Int, _ advice: String) -> Refusal {
        Refusal(
            .resourceExhausted,
            "the items exceed the largest answer of \(byteCount) bytes: \(advice)")
    }

    /// Refuses a message that lacks a required field.
    static func missing(_ field: String) -> Refusal {
        Refusal(.invalidArgument, "missing \(field)")
    }
}
