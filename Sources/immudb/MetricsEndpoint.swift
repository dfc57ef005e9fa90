import Hummingbird
import HummingbirdCore
import ImmudbGateway
import ImmudbServer
import Logging
import NIOCore
import NIOPosix
import PrometheusMetrics
import ServiceKit
import Synchronization

/// Serves the metrics over HTTP, for Prometheus, and tells probes whether the process lives and serves.
///
///     GET /metrics   the metrics, as Prometheus reads them
///     GET /healthz   200 while the process lives
///     GET /readyz    200 while the server takes calls; 503 before, such as during a recovery, and while it stops
final class MetricsEndpoint: Sendable {
    private static let idleTimeout = TimeAmount.seconds(30)

    /// What a server records its metrics with.
    let registry = PrometheusRegistry(
        ServerMetric.allCases.map { metric in
            MetricDescription(
                metric.rawValue, MetricDescription.MetricType(metric.type), metric.help,
                bounds: metric.bounds)
        } + Gateway.metricDescriptions)
    private let isReady = Atomic(false)
    private let task = Mutex<Task<Void, any Error>?>(nil)

    /// Says whether the server takes calls.
    func setReady(_ ready: Bool) { isReady.store(ready, ordering: .releasing) }

    /// Listens, and serves until ``stop()``.
    ///
    /// - Returns: the port that was taken, if any was asked for with 0.
    /// - Throws: when it cannot listen there.
    func start(host: String, port: Int) async throws -> Int {
        let (ports, found) = AsyncThrowingStream.makeStream(of: Int.self)
        let application = Application(
            router: router(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [StalledWriteCloser()],
                    idleTimeout: Self.idleTimeout)),
            configuration: .init(
                address: .hostname(host, port: port), serverName: "immudb",
                availableConnectionsDelegate: MaximumAvailableConnections(
                    DescriptorBudget.metricsConnectionCount)),
            onServerRunning: { channel in
                found.yield(channel.localAddress?.port ?? port)
            },
            // One thread: not one for each processor.
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)),
            // What clients do is no matter for the log.
            logger: Logger(label: "metrics") { _ in SwiftLogNoOpLogHandler() })
        let running = Task {
            do {
                try await application.run()
                found.finish()
            } catch {
                found.finish(throwing: error)
                throw error
            }
        }
        task.withLock { $0 = running }
        for try await port in ports { return port }
        return port
    }

    func stop() async {
        let running = task.withLock { $0.take() }
        running?.cancel()
        _ = try? await running?.value
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.get("/metrics") { [registry] _, _ in
            Response(
                status: .ok, headers: [.contentType: PrometheusRegistry.contentType],
                body: .init(byteBuffer: ByteBuffer(string: registry.text())))
        }
        router.get("/healthz") { _, _ in Self.plain(.ok, "ok") }
        router.get("/readyz") { [self] _, _ in
            isReady.load(ordering: .acquiring)
                ? Self.plain(.ok, "ok") : Self.plain(.serviceUnavailable, "not serving")
        }
        return router
    }

    private static func plain(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}

extension MetricDescription.MetricType {
    fileprivate init(_ type: ServerMetric.MetricType) {
        switch type {
        case .counter: self = .counter
        case .gauge: self = .gauge
        case .histogram: self = .histogram
        case .untyped: self = .untyped
        }
    }
}
