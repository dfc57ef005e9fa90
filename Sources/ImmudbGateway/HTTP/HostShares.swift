import Synchronization

/// Counts the clients' use of a limited resource: connections, calls, logins, dumps, bytes. No host gets more than
/// half of it.
final class HostShares: Sendable {
    private struct State {
        var total = 0
        var byHost: [String: Int] = [:]
    }

    let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    var current: Int { state.withLock { $0.total } }
    var isCrowded: Bool { current > limit / 4 * 3 }

    /// Counts `count` more for a host.
    ///
    /// - Parameter spare: the amount that must be free afterwards.
    /// - Returns: false, and counts nothing, if that exceeds the limit or the host's half of it.
    func admit(_ host: String, _ count: Int = 1, sparing spare: Int = 0) -> Bool {
        state.withLock { state in
            let ofHost = state.byHost[host, default: 0] + count
            guard state.total + count <= limit - spare, ofHost <= max(1, limit / 2) else {
                return false
            }
            state.total += count
            state.byHost[host] = ofHost
            return true
        }
    }

    /// Releases an admitted amount, or part of it.
    func forget(_ host: String, _ count: Int = 1) {
        guard count > 0 else { return }
        state.withLock { state in
            state.total -= count
            let ofHost = state.byHost[host, default: count] - count
            state.byHost[host] = ofHost > 0 ? ofHost : nil
        }
    }
}
