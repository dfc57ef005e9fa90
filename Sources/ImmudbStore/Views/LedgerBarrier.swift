import Ledger
import StorageIO
import Synchronization

/// Keeps the views from getting ahead of the ledger on the disk: before a view makes entries durable, the ledger does.
/// A view that is ahead after a power failure would have to be rebuilt.
final class LedgerBarrier: Sendable {
    private let ledger: Ledger
    private let isNeeded: Bool
    private let failed = Mutex<@Sendable (StoreError) -> Void>({ _ in })

    /// - Parameter isNeeded: false if entries are durable before they reach any view.
    init(_ ledger: Ledger, isNeeded: Bool) {
        self.ledger = ledger
        self.isNeeded = isNeeded
    }

    /// Sets the handler of a failed synchronization: all writing must stop then.
    func onFailure(_ handler: @escaping @Sendable (StoreError) -> Void) {
        failed.withLock { $0 = handler }
    }

    /// Makes all entries durable that were appended before. May be called on any thread.
    /// - Throws: `writesStopped`.
    func synchronize() throws(StoreError) {
        guard isNeeded else { return }
        do throws(StoreError) {
            try ledger.synchronizeForView()
        } catch {
            if error.code == .writesStopped { failed.withLock { $0 }(error) }
            throw error
        }
    }
}
