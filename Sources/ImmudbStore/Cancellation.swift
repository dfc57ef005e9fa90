import StorageIO
import Synchronization

/// Stops long work, such as an opening that rebuilds views, from another thread. Finished parts are kept: the next
/// opening continues from there.
public final class Cancellation: Sendable {
    private let isSet = Atomic(false)

    public init() {}

    public func cancel() { isSet.store(true, ordering: .relaxed) }

    var isCancelled: Bool { isSet.load(ordering: .relaxed) }

    /// - Throws: `cancelled` once ``cancel()`` was called.
    func check() throws(StoreError) {
        guard isCancelled else { return }
        throw StoreError(.cancelled, "stopped; the next start continues from here")
    }
}
