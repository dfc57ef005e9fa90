import Synchronization

/// Counts what all requests together make the gateway hold: bodies, answers, and what reading and writing them as JSON
/// takes meanwhile. Counted before the memory is taken.
///
/// Beside `limit`, with the limits of ``RequestLimits``: for each call that waits some copies of a body of 16 KiB and of an
/// answer of 64 KiB, which are not counted, and for each connection a head of a request.
///
/// No host has more than half of it, and the last eighth is for small requests.
final class HeldBytes: Sendable {
    private static let largeByteCount = 1 << 20

    private struct State {
        var total = 0
        var byHost: [String: Int] = [:]
    }

    let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    var current: Int { state.withLock { $0.total } }

    fileprivate func add(_ byteCount: Int, of host: String) -> Bool {
        let limit = byteCount < Self.largeByteCount ? limit : limit / 8 * 7
        return state.withLock { state in
            let ofHost = state.byHost[host, default: 0] + byteCount
            guard state.total + byteCount <= limit, ofHost <= self.limit / 2 else { return false }
            state.total += byteCount
            state.byHost[host] = ofHost
            return true
        }
    }

    fileprivate func remove(_ byteCount: Int, of host: String) {
        guard byteCount > 0 else { return }
        state.withLock { state in
            state.total -= byteCount
            let ofHost = state.byHost[host, default: 0] - byteCount
            state.byHost[host] = ofHost > 0 ? ofHost : nil
        }
    }
}

/// What one request holds. The end of its life gives everything back.
final class Room: Sendable {
    private let account: HeldBytes
    private let host: String
    private let byteCount = Atomic(0)

    init(of host: String, in account: HeldBytes) {
        self.account = account
        self.host = host
    }

    deinit { account.remove(byteCount.load(ordering: .relaxed), of: host) }

    /// Gives some of it back.
    func shrink(by less: Int) {
        byteCount.subtract(less, ordering: .relaxed)
        account.remove(less, of: host)
    }

    /// Gives back what is more than `kept`.
    func shrink(to kept: Int) { shrink(by: max(0, byteCount.load(ordering: .relaxed) - kept)) }

    /// Takes more room; returns false, and takes none, if there is not so much.
    func grow(by more: Int) -> Bool {
        guard account.add(more, of: host) else { return false }
        byteCount.add(more, ordering: .relaxed)
        return true
    }
}
