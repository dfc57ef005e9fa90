import StorageIO
import Synchronization

/// Synchronizes the newest segment for the writer and for the views, and remembers a failure.
///
/// The kernel reports a failed write to one call only: the next call for the same file is told
/// that all is well. Therefore the first failure is everybody's, and the last word.
final class LedgerSync: Sendable {
    private let failure = Mutex<StoreError?>(nil)

    /// - Throws: `writesStopped`, then and ever after.
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
