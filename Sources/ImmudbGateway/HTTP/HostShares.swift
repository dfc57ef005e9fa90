import Synchronization

/// Counts what clients have of something of which there is only so much: connections, calls, dumps. No host has more than
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

    /// Counts one more; returns false if there are too many.
    func admit(_ host: String) -> Bool {
        state.withLock { state in
            let ofHost = state.byHost[host, default: 0]
            guard state.total < limit, ofHost < max(1, limit / 2) else { return false }
            state.total += 1
            state.byHost[host] = ofHost + 1
            return true
        }
    }

    /// Gives back what was admitted.
    func forget(_ host: String) {
        state.withLock { state in
            state.total -= 1
            let ofHost = state.byHost[host, default: 1] - 1
            state.byHost[host] = ofHost == 0 ? nil : ofHost
        }
    }
}
