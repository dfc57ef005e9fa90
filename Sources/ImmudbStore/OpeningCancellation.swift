import StorageIO
import Synchronization

/// Stops an opening from another thread. What was done until then stays: the next opening goes on
/// from there.
public final class OpeningCancellation: Sendable {
    private let isSet = Atomic(false)

    public init() {}

    public func cancel() { isSet.store(true, ordering: .relaxed) }

    /// - Throws: `cancelled` once ``cancel()`` was called.
    func check() throws(StoreError) {
        guard isSet.load(ordering: .relaxed) else { return }
        throw StoreError(
            .cancelled, "opening was stopped; the next start goes on from where this one was")
    }
}
