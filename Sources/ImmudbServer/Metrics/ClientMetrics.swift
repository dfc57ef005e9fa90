import CoreMetrics
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Counts the calls of each client's address.
final class ClientMetrics: Sendable {
    /// Addresses that have series of their own. Strangers choose their addresses, at least those of IPv6; what comes
    /// from others is counted together.
    static let limit = 1_000
    static let others = "others"

    struct Client: Sendable {
        fileprivate let calls: Counter
        fileprivate let lastMessage: Gauge

        func noteCall() {
            calls.increment()
            lastMessage.record(time(nil))
        }
    }

    private let factory: any MetricsFactory
    private let clients = Mutex<[String: Client]>([:])

    init(_ factory: any MetricsFactory) { self.factory = factory }

    func client(at host: String) -> Client {
        clients.withLock { clients in
            if let known = clients[host] { return known }
            let name = clients.count < Self.limit ? host : Self.others
            if let known = clients[name] { return known }
            let labels = [("ip", name)]
            let made = Client(
                calls: Counter(
                    label: ServerMetric.callsPerClient.rawValue, dimensions: labels,
                    factory: factory),
                lastMessage: Gauge(
                    label: ServerMetric.lastMessage.rawValue, dimensions: labels, factory: factory))
            clients[name] = made
            return made
        }
    }

    /// The address in `127.0.0.1:40112` and `[::1]:40112`.
    static func host(of peerAddress: String) -> String {
        let host = peerAddress.lastIndex(of: ":").map { peerAddress[..<$0] } ?? peerAddress[...]
        return host.hasPrefix("[") && host.hasSuffix("]")
            ? String(host.dropFirst().dropLast()) : String(host)
    }
}
