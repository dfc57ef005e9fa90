import Synchronization

/// Counts what all requests together make the gateway hold: bodies, answers, and what reading and writing them as JSON
/// takes meanwhile. Counted before the memory is taken.
///
/// The worst case, with the limits of ``RequestLimits``: `limit` bytes, and beside it 64 KiB for each connection, since
/// answers up to that size are not counted, and 1 MiB for each dump.
final class HeldBytes: Sendable {
    let limit: Int
    private let count = Atomic(0)

    init(limit: Int) { self.limit = limit }

    var current: Int { count.load(ordering: .relaxed) }

    fileprivate func add(_ byteCount: Int) -> Bool {
        let new = count.add(byteCount, ordering: .relaxed).newValue
        guard new > limit else { return true }
        count.subtract(byteCount, ordering: .relaxed)
        return false
    }

    fileprivate func remove(_ byteCount: Int) { count.subtract(byteCount, ordering: .relaxed) }
}

/// What one request holds. The end of its life gives everything back.
final class Room: Sendable {
    private let account: HeldBytes
    private let byteCount = Atomic(0)

    init(in account: HeldBytes) { self.account = account }

    deinit { account.remove(byteCount.load(ordering: .relaxed)) }

    /// Takes more room; returns false, and takes none, if there is not so much.
    func grow(by more: Int) -> Bool {
        guard account.add(more) else { return false }
        byteCount.add(more, ordering: .relaxed)
        return true
    }
}
