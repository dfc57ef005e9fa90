import Ledger
import StorageIO
import Synchronization

/// Keeps the views from getting ahead of the ledger on the disk: what a view makes durable is made
/// durable in the ledger before. A view that is ahead after a power failure would have to be
/// rebuilt.
final class LedgerBarrier: Sendable {
    private let ledger: Ledger
    private let isNeeded: Bool
    private let failed = Mutex<@Sendable (StoreError) -> Void>({ _ in })

    /// - Parameter isNeeded: false where entries are durable before they reach any view.
    init(_ ledger: Ledger, isNeeded: Bool) {
        self.ledger = ledger
        self.isNeeded = isNeeded
    }

    /// Sets what is called when the ledger could not be synchronized: all writing must stop then.
    func onFailure(_ handler: @escaping @Sendable (StoreError) -> Void) {
        failed.withLock { $0 = handler }
    }

    /// Makes durable what was appended before this call. On any thread.
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
