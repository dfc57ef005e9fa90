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

    /// The reason why the database takes no more writes; nil if it takes them.
    var failure: StoreError? { reason.withLock { $0 } }

    /// Stops all writing until the ledger is opened again: what the disk holds is unknown until then.
    ///
    /// - Returns: the error for callers. The first cause is the one that is reported later.
    @discardableResult
    func stop(_ cause: StoreError) -> StoreError {
        stop(
            StoreError(
                .writesStopped,
                "the database \(path) takes no more writes because one failed; reads continue. Remove "
                    + "the cause and restart. Cause",
                cause: cause), isLogged: true)
    }

    /// Takes no writes from the beginning, since the ledger is damaged.
    func refuseWrites(_ damage: StoreError) {
        stop(
            StoreError(
                .writesStopped,
                "the database \(path) takes no writes because its ledger is damaged; entries that are whole are "
                    + "read. Cause",
                cause: damage), isLogged: false)
    }

    /// - Parameter error: the error for callers.
    @discardableResult
    private func stop(_ error: StoreError, isLogged: Bool) -> StoreError {
        let isFirst = reason.withLock { reason in
            defer { reason = reason ?? error }
            return reason == nil
        }
        if isFirst, isLogged { log(.error, "\(error)") }
        return error
    }
}
