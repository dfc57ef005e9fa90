import StorageIO
import Synchronization

/// Synchronizes the newest segment for the writer and for the views, and keeps the first failure.
///
/// The kernel reports a failed write to one fdatasync only: the next one on the same file succeeds. Therefore the first
/// failure is reported to every later caller.
final class LedgerSync: Sendable {
    private let failure = Mutex<StoreError?>(nil)

    /// - Throws: `writesStopped`, and the same error from then on.
    func run(_ file: any StorageFile) throws(StoreError) {
        try failure.withLock { failure throws(StoreError) in
            if let failure { throw failure }
            do throws(StoreError) {
                try file.synchronizeData()
            } catch {
                let stopped = StoreError(
                    .writesStopped, "written entries may not be durable", cause: error)
                failure = stopped
                throw stopped
            }
        }
    }
}
