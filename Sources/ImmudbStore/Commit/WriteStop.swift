import StorageIO
import Synchronization

/// Whether a database takes writes, and why not. Once stopped, it takes none until it is opened again.
final class WriteStop: Sendable {
    private let path: String
    private let log: LogSink
    private let reason = Mutex<StoreError?>(nil)

    init(path: String, log: @escaping LogSink) {
        self.path = path
        self.log = log
    }

    /// Why no more writes are taken, if that is so.
    var failure: StoreError? { reason.withLock { $0 } }

    /// Stops all writing for good: what the disk holds is unknown until the ledger is opened again.
    ///
    /// - Returns: what callers are told; the first cause stays the one that is reported later.
    @discardableResult
    func stop(_ cause: StoreError) -> StoreError {
        let error = StoreError(
            .writesStopped,
            "the database \(path) takes no more writes since one failed; reads go on. Mend the "
                + "cause and restart. Cause",
            cause: cause)
        let isFirst = reason.withLock { reason in
            defer { reason = reason ?? error }
            return reason == nil
        }
        if isFirst { log(.error, "\(error)") }
        return error
    }
}
