import CoreMetrics
import ImmudbClient
import PrometheusMetrics
import Synchronization

/// The names of the gateway's metrics.
enum GatewayMetric: String, CaseIterable {
    case requests = "immugw_requests_total"
    case duration = "immugw_request_duration_seconds"
    case verifications = "immugw_verifications_total"
    case failedVerifications = "immugw_failed_verifications_total"
    case connections = "immugw_connections"
    case heldBytes = "immugw_held_bytes"
    case isReachable = "immugw_immudb_reachable"
    case uptime = "immugw_uptime_seconds"

    /// The value of `check` if the server is not the trusted one.
    static let serverChange = ClientError.Code.serverChanged.rawValue

    var type: MetricDescription.MetricType {
        switch self {
        case .requests, .verifications, .failedVerifications: .counter
        case .duration: .histogram
        case .connections, .heldBytes, .isReachable, .uptime: .gauge
        }
    }

    var help: String {
        switch self {
        case .requests: "Requests that were answered, by route and HTTP status."
        case .duration: "The time from a request's head to its answer, by route."
        case .verifications: "Answers of immudb that were verified."
        case .failedVerifications:
            "Answers of immudb that failed a verification, by the check that failed."
        case .connections: "Clients that are connected."
        case .heldBytes: "What requests make the gateway hold, in bytes."
        case .isReachable: "1 if immudb answered when it was asked last, 0 if not."
        case .uptime: "Seconds since the gateway was started."
        }
    }
}

/// Records the gateway's metrics.
final class GatewayMetrics: Sendable {
    private struct Series: Hashable {
        let route: Int
        let status: Int
    }

    private let verified: Counter
    private let factory: any MetricsFactory
    /// The timers by position of the route in ``Routes/all``, and one more for everything else.
    private let durations: [Timer]
    private let requests = Mutex<[Series: Counter]>([:])
    /// The counters by failed check.
    private let failures = Mutex<[String: Counter]>([:])
    private let totals = Totals()

    private final class Totals: Sendable {
        let requests = Atomic(0)
        let verified = Atomic(0)
        let failed = Atomic(0)
    }

    init(_ factory: any MetricsFactory) {
        self.factory = factory
        verified = Counter(label: GatewayMetric.verifications.rawValue, factory: factory)
        durations = (0...Routes.all.count).map { position in
            Timer(
                label: GatewayMetric.duration.rawValue,
                dimensions: [("route", Self.name(ofRoute: position))], factory: factory)
        }
    }

    private static func name(ofRoute position: Int) -> String {
        Routes.all.indices.contains(position) ? Routes.all[position].template : "other"
    }

    /// - Parameter route: the position in ``Routes/all``; nil for anything else.
    func answered(_ route: Int?, status: Int, after duration: Duration) {
        let route = route ?? Routes.all.count
        totals.requests.add(1, ordering: .relaxed)
        let (seconds, attoseconds) = duration.components
        durations[route].recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        let series = Series(route: route, status: status)
        let counter = requests.withLock { requests in
            if let counter = requests[series] { return counter }
            let counter = Counter(
                label: GatewayMetric.requests.rawValue,
                dimensions: [("route", Self.name(ofRoute: route)), ("status", "\(status)")],
                factory: factory)
            requests[series] = counter
            return counter
        }
        counter.increment()
    }

    func noteVerified() {
        totals.verified.add(1, ordering: .relaxed)
        verified.increment()
    }

    /// - Parameter check: the code of the error.
    func failed(_ check: String) {
        totals.failed.add(1, ordering: .relaxed)
        let counter = failures.withLock { failures in
            if let counter = failures[check] { return counter }
            let counter = Counter(
                label: GatewayMetric.failedVerifications.rawValue,
                dimensions: [("check", check)], factory: factory)
            failures[check] = counter
            return counter
        }
        counter.increment()
    }

    var requestCount: Int { totals.requests.load(ordering: .relaxed) }
    var verifiedCount: Int { totals.verified.load(ordering: .relaxed) }
    var failedCount: Int { totals.failed.load(ordering: .relaxed) }

    /// Updates the gauges before a scrape.
    func look(at core: GatewayCore) {
        func set(_ metric: GatewayMetric, _ value: Double) {
            Gauge(label: metric.rawValue, factory: factory).record(value)
        }
        set(.connections, Double(core.connections.current))
        set(.heldBytes, Double(core.held.current))
        set(.isReachable, core.upstream.state.isReachable ? 1 : 0)
        set(.uptime, Double((ContinuousClock.now - core.started).components.seconds))
    }
}
