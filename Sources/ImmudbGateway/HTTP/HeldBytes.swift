import Synchronization

/// Counts what all requests together make the gateway hold: bodies, answers, and what reading and writing them as JSON
/// takes meanwhile. Counted before the memory is taken.
///
/// Beside `limit`, with the limits of ``RequestLimits``: for each call that waits some copies of a body of 16 KiB and of an
/// answer of 64 KiB, which are not counted, and for each connection a head of a request.
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

    /// Gives some of it back.
    func shrink(by less: Int) {
        byteCount.subtract(less, ordering: .relaxed)
        account.remove(less)
    }

    /// Gives back what is more than `kept`.
    func shrink(to kept: Int) { shrink(by: max(0, byteCount.load(ordering: .relaxed) - kept)) }

    /// Takes more room; returns false, and takes none, if there is not so much.
    func grow(by more: Int) -> Bool {
        guard account.add(more) else { return false }
        byteCount.add(more, ordering: .relaxed)
        return true
    }
}
