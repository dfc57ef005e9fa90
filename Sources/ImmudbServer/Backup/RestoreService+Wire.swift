import ImmudbProtocol
import ImmudbStore
import RPCTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Refusal {
    /// Maps the error of a restore: the administrator, whose backups they are, gets the whole message.
    ///
    /// INTERNAL says, as on a write, that the entries may be restored.
    init(ofRestore error: StoreError) {
        switch error.code {
        case .corruption, .tampered: self.init(.dataLoss, error.message)
        case .otherHistory, .foreignDatabase: self.init(.failedPrecondition, error.message)
        case .incompatibleFormat, .indexNotFound, .tooLarge:
            self.init(.invalidArgument, error.message)
        case .inUse: self.init(.alreadyExists, error.message)
        case .noSpace: self.init(.resourceExhausted, error.message)
        case .invalidOffset: self.init(.outOfRange, error.message)
        case .cancelled: self.init(.aborted, error.message)
        case .outcomeUnknown:
            self.init(.internalError, error.description)
            fault = error
        case .writesStopped:
            self.init(.unavailable, error.description)
            fault = error
        default: self.init(ofWrite: error)
        }
    }
}

extension LiveRestore.Request {
    /// - Throws: `Refusal` for a root or a size that no tree has.
    init(
        _ request: Immudb_Admin_V1_RestoreRequest, entryByteLimit: Int
    ) throws(Refusal) {
        self.init()
        keepsIdentity = !request.newIdentifier
        self.entryByteLimit = entryByteLimit
        if request.hasUntilSize {
            guard let size = TreeSize(rawValue: request.untilSize) else {
                throw Refusal(.invalidArgument, "no database has \(request.untilSize) entries")
            }
            until = size
        }
        guard !request.knownRoot.isEmpty else { return }
        guard let size = TreeSize(rawValue: request.knownSize), !size.isEmpty,
            let root = Digest(request.knownRoot)
        else {
            throw Refusal(
                .invalidArgument,
                "no tree of \(request.knownSize) entries has such a root, or it proves nothing")
        }
        known = TrustedRoot(size: size, root: root)
    }
}
