import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
public import PrometheusMetrics
import ServiceKit
import ServiceLifecycle
import Synchronization

/// Serves metrics over HTTP, for Prometheus, and tells probes whether the process lives and serves.
///
///     GET /metrics   the metrics, as Prometheus reads them
///     GET /healthz   200 while the process lives
///     GET /readyz    200 while it serves; 503 before, such as during a recovery, and while it stops
public final class MetricsEndpoint: Sendable {
    /// One more answer that a program gives.
    public struct Document: Sendable {
        let path: String
        let contentType: String
        let body: @Sendable () -> [UInt8]

        public init(path: String, contentType: String, body: @escaping @Sendable () -> [UInt8]) {
            self.path = path
            self.contentType = contentType
            self.body = body
        }
    }

    private static let idleTimeout = TimeAmount.seconds(30)
    /// Above the slots: one that is just accepted ends another.
    private static let spareConnectionCount = 1
    /// After which a stop cuts off the requests that have begun.
    private static let stopTimeout = Duration.seconds(1)

    /// What the program records its metrics with.
    public let registry: PrometheusRegistry
    private let serverName: String
    private let maxConnectionCount: Int
    private let documents: [Document]
    private let isReady = Atomic(false)
    private let running = Mutex<Running?>(nil)

    private struct Running {
        let services: ServiceGroup
        let task: Task<Void, any Error>
    }

    /// - Parameters:
    ///   - serverName: the program, as its answers name it.
    ///   - maxConnectionCount: open connections; one more ends the one that has waited longest for a request.
    public init(
        _ registry: PrometheusRegistry, serverName: String, maxConnectionCount: Int,
        documents: [Document] = []
    ) {
        self.registry = registry
        self.serverName = serverName
        self.maxConnectionCount = maxConnectionCount
        self.documents = documents
    }

    /// Says whether the program serves.
    public func setReady(_ ready: Bool) { isReady.store(ready, ordering: .releasing) }

    /// Listens, and serves until ``stop()``.
    ///
    /// - Returns: the port that was taken, if any was asked for with 0.
    /// - Throws: when it cannot listen there.
    public func start(host: String, port: Int) async throws -> Int {
        let slots = ConnectionSlots(limit: max(1, maxConnectionCount - Self.spareConnectionCount))
        let (ports, found) = AsyncThrowingStream.makeStream(of: Int.self)
        let application = Application(
            router: router(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [SlotHandler(slots), StalledWriteCloser()],
                    idleTimeout: Self.idleTimeout)),
            configuration: .init(
                address: .hostname(host, port: port), serverName: serverName,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    slots.limit + Self.spareConnectionCount)),
            onServerRunning: { channel in
                found.yield(channel.localAddress?.port ?? port)
            },
            // One thread: not one for each processor.
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)),
            logger: Self.silentLog)
        let services = ServiceGroup(
            configuration: .init(services: [application], logger: Self.silentLog))
        let task = Task {
            do {
                try await services.run()
                found.finish()
            } catch {
                found.finish(throwing: error)
                throw error
            }
        }
        running.withLock { $0 = Running(services: services, task: task) }
        for try await port in ports { return port }
        return port
    }

    /// What clients do is no matter for the log.
    private static let silentLog = Logger(label: "metrics") { _ in SwiftLogNoOpLogHandler() }

    /// Accepts no more connections, lets requests that have begun end for a second, and cuts off the others.
    public func stop() async {
        guard let running = running.withLock({ $0.take() }) else { return }
        // Not by cancelling: SwiftNIO ends the process if that meets a connection that is just accepted.
        await running.services.triggerGracefulShutdown()
        let cutting = Task {
            try await Task.sleep(for: Self.stopTimeout)
            running.task.cancel()
        }
        _ = await running.task.result
        cutting.cancel()
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.get("/metrics") { [registry] _, _ in
            Self.answer(PrometheusRegistry.contentType, Array(registry.text().utf8))
        }
        router.get("/healthz") { _, _ in Self.plain(.ok, "ok") }
        router.get("/readyz") { [self] _, _ in
            isReady.load(ordering: .acquiring)
                ? Self.plain(.ok, "ok") : Self.plain(.serviceUnavailable, "not serving")
        }
        for document in documents {
            router.get(RouterPath(document.path)) { _, _ in
                Self.answer(document.contentType, document.body())
            }
        }
        return router
    }

    private static func answer(_ contentType: String, _ body: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: contentType],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    private static func plain(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}
