import DequeModule
import NIOCore
import Synchronization

/// Counts the connections of each address, and assigns their lanes in the workers' queues.
final class ConnectionTable: Sendable {
    private struct State {
        var byAddress: [String: Int] = [:]
        /// The lane that has been free longest comes first: a lane may still hold calls of its previous connection.
        var freeLanes = Deque<Int>()
        var laneCount = 0
        var lastReport: NIODeadline?
    }

    private let state = Mutex(State())
    private let total = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let limit: Int
    private let limitPerAddress: Int
    /// The number of connections that are kept for addresses with few; 0 if a limit for each address is set.
    private let reserve: Int
    private let account: ServerAccount

    init(_ configuration: RPCServer.Configuration, _ account: ServerAccount) {
        limit = max(1, configuration.maxConnections)
        limitPerAddress = configuration.maxConnectionsPerAddress ?? max(1, (limit + 1) / 2)
        reserve = configuration.maxConnectionsPerAddress == nil ? limit / 8 : 0
        self.account = account
    }

    var count: Int { total.load(ordering: .acquiring) }

    private var threshold: Int { limit - limit / 4 }
    /// Whether idle connections must close to make room for others.
    var isShort: Bool { count >= max(1, threshold) && limit > 1 }
    var countAboveThreshold: Int { max(0, count - threshold) }

    /// Returns how many connections were refused since the last report: at most once a minute, since a refused client
    /// may connect again at once.
    func takeRefused(_ now: NIODeadline) -> Int {
        guard refused.load(ordering: .relaxed) > 0 else { return 0 }
        let isDue = state.withLock { state in
            if let last = state.lastReport, now - last < .minutes(1) { return false }
            state.lastReport = now
            return true
        }
        return isDue ? refused.exchange(0, ordering: .relaxed) : 0
    }

    /// Counts a new connection and returns its lane; nil if there are too many.
    func admit(_ peer: PeerAddress) -> Int? {
        let lane = state.withLock { state -> Int? in
            let own = state.byAddress[peer.host, default: 0]
            let all = total.load(ordering: .relaxed)
            guard all < limit, own < limitPerAddress,
                all < limit - reserve || own < max(1, limit / 64)
            else { return nil }
            state.byAddress[peer.host, default: 0] += 1
            account.setConnectionCount(total.add(1, ordering: .acquiringAndReleasing).newValue)
            if let lane = state.freeLanes.popFirst() { return lane }
            state.laneCount += 1
            return state.laneCount - 1
        }
        if lane == nil { refused.add(1, ordering: .relaxed) }
        return lane
    }

    func forget(_ peer: PeerAddress, _ lane: Int) {
        state.withLock { state in
            let left = state.byAddress[peer.host, default: 1] - 1
            state.byAddress[peer.host] = left > 0 ? left : nil
            state.freeLanes.append(lane)
            account.setConnectionCount(
                total.subtract(1, ordering: .acquiringAndReleasing).newValue)
        }
    }
}
