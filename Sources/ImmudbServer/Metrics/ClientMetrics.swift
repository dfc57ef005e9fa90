import CoreMetrics
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Counts the calls of each client's address, or of its /64 network for IPv6.
final class ClientMetrics: Sendable {
    /// The maximum number of addresses with their own series. Attackers may have many addresses; further ones are
    /// counted together.
    static let limit = 1_000
    static let others = "others"

    /// The calls of one address.
    final class Client: Sendable {
        private let calls: Counter
        private let lastMessage: Gauge
        private let count = Atomic(0)
        /// Seconds since 1970.
        private let lastTime = Atomic(0)

        fileprivate init(_ name: String, _ factory: any MetricsFactory) {
            let labels = [("ip", name)]
            calls = Counter(
                label: ServerMetric.callsPerClient.rawValue, dimensions: labels, factory: factory)
            lastMessage = Gauge(
                label: ServerMetric.lastMessage.rawValue, dimensions: labels, factory: factory)
            // Otherwise the new series would show 1970 until its first call is recorded.
            lastMessage.record(time(nil))
        }

        func noteCall() {
            count.add(1, ordering: .relaxed)
            lastTime.store(time(nil), ordering: .relaxed)
        }

        fileprivate func record() {
            let new = count.exchange(0, ordering: .relaxed)
            guard new > 0 else { return }
            calls.increment(by: new)
            lastMessage.record(lastTime.load(ordering: .relaxed))
        }
    }

    private let factory: any MetricsFactory
    private let clients = Mutex<[String: Client]>([:])

    init(_ factory: any MetricsFactory) { self.factory = factory }

    /// Records the counts since it was last called.
    func record() {
        for client in clients.withLock({ Array($0.values) }) { client.record() }
    }

    /// Returns the client at a host. A new one has its series at once.
    func client(at host: String) -> Client {
        clients.withLock { clients in
            if let known = clients[host] { return known }
            let name = clients.count < Self.limit ? host : Self.others
            if let known = clients[name] { return known }
            let made = Client(name, factory)
            clients[name] = made
            return made
        }
    }
}
