import ImmudbModel
import Ledger
import POSIX
import StorageIO

/// Synchronizes a ledger again and again while another thread writes it, which so seldom has to wait for the disk.
///
/// Nothing counts as durable because of it: whoever writes the ledger synchronizes it at the end.
final class EarlySync: Sendable {
    /// So much is written between two synchronizations, at least.
    private static let byteCount = 16 << 20

    private struct State: Sendable {
        var unsynchronizedByteCount = 0
        var isEnded = false
    }

    private let monitor: Monitor<State>
    private let thread: WorkerThread

    /// - Throws: `io` if the system has no thread left.
    init(_ ledger: Ledger) throws(StoreError) {
        let monitor = Monitor(State())
        self.monitor = monitor
        thread = try WorkerThread.start("restore-sync") {
            while Self.isDue(monitor) {
                // The ledger keeps a failure for the thread that writes: its next synchronization throws it.
                try? ledger.synchronizeForView()
            }
        }
    }

    /// Waits until enough was written.
    ///
    /// - Returns: false at the end.
    private static func isDue(_ monitor: Monitor<State>) -> Bool {
        monitor.wait { state -> Bool? in
            if state.isEnded { return false }
            guard state.unsynchronizedByteCount >= byteCount else { return nil }
            state.unsynchronizedByteCount = 0
            return true
        } ?? false
    }

    /// Counts bytes that were written.
    func note(_ byteCount: Int) { monitor.change { $0.unsynchronizedByteCount += byteCount } }

    /// Ends the thread.
    func end() {
        monitor.change { $0.isEnded = true }
        thread.join()
    }
}
