import Hummingbird
import HummingbirdCore
package import ImmudbClient
public import Logging
import NIOCore
import NIOPosix
import POSIX
public import PrometheusMetrics
package import RPCTransport
import ServiceLifecycle
import Synchronization

/// A REST gateway to immudb that verifies what immudb answers before it passes it on.
///
///     var options = GatewayOptions()
///     options.immudbAddress = "10.0.0.7"
///     let gateway = try await Gateway.start(options, log: log, metrics: Gateway.makeRegistry())
///     …
///     await gateway.stop(deadline: .seconds(10))
public final class Gateway: Sendable {
    /// The options of the start, with the actual port if it was 0.
    public let options: GatewayOptions
    private let core: GatewayCore
    private let tls: ServerTLS?
    /// The TLS files of the connections to immudb.
    private let clientTLS: ClientTLS?
    private let services: ServiceGroup
    private let running: Task<Void, any Error>
    private let watching: Task<Void, Never>
    private let log: Logger

    /// Returns a registry that describes the gateway's metrics, for ``start(_:log:metrics:)``.
    public static func makeRegistry() -> PrometheusRegistry {
        PrometheusRegistry(metricDescriptions)
    }

    /// The gateway's metrics, for a registry that has others, too.
    public static var metricDescriptions: [MetricDescription] {
        GatewayMetric.allCases.map { MetricDescription($0.rawValue, $0.type, $0.help) }
    }

    /// Reads the TLS files, listens, and serves. Does not wait for immudb, which may start later.
    ///
    /// - Parameters:
    ///   - log: gets the gateway's messages, which contain no key, value, password or token.
    ///   - metrics: records the gateway's metrics, which `/metrics` shows.
    public static func start(
        _ options: GatewayOptions, log: Logger, metrics: PrometheusRegistry
    ) async throws(GatewayStartError) -> Gateway {
        try await start(options, over: nil, log: log, metrics: metrics)
    }

    /// Starts a gateway of an immudb in the same process.
    ///
    /// - Parameters:
    ///   - transport: connects to immudb; nil to connect to the address in the options.
    ///   - identity: what immudb has got by a restore, and is accepted in place of the one that was trusted before.
    package static func start(
        _ options: GatewayOptions, over transport: RPCClient.Configuration?,
        expecting identity: ServerIdentity? = nil, log: Logger, metrics: PrometheusRegistry
    ) async throws(GatewayStartError) -> Gateway {
        var limits = RequestLimits()
        limits.maxConnections = options.maxConnectionCount
        return try await start(
            options, over: transport, expecting: identity, log: log, metrics: metrics,
            limits: limits)
    }

    static func start(
        _ options: GatewayOptions, over transport: RPCClient.Configuration?,
        expecting identity: ServerIdentity? = nil, log: Logger, metrics: PrometheusRegistry,
        limits: RequestLimits
    ) async throws(GatewayStartError) -> Gateway {
        var log = log
        log[metadataKey: "component"] = "gateway"
        let way: RPCClient.Configuration =
            if let transport { transport } else { try await options.transport() }
        let failures = FailureLog(log)
        let upstream = Upstream(
            way,
            address: transport == nil
                ? hostAndPort(options.immudbAddress, options.immudbPort) : "in-process",
            isEmbedded: transport != nil, directory: options.directory, expecting: identity,
            log: log, failures: failures)
        let core = GatewayCore(
            options: options, limits: limits, upstream: upstream, metrics: GatewayMetrics(metrics),
            held: HostShares(limit: limits.maxHeldByteCount),
            connections: HostShares(limit: limits.maxConnections),
            calls: HostShares(limit: limits.maxCallCount),
            logins: HostShares(limit: limits.maxLoginCount),
            dumps: HostShares(limit: limits.maxDumpCount), log: log, failures: failures)
        let tls = try await options.listenerTLS()
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            responder: GatewayResponder(core: core, pages: Pages(metrics)),
            server: builder(limits, core.connections, tls),
            configuration: .init(
                address: .hostname(options.address, port: options.port), serverName: "immugw",
                backlog: 1_024),
            onServerRunning: { channel in
                found.yield(channel.localAddress?.port ?? options.port)
            },
            eventLoopGroupProvider: .singleton,
            // Errors of clients are not logged.
            logger: Self.silentLog)
        let services = ServiceGroup(
            configuration: .init(services: [application], logger: Self.silentLog))
        let running = Task {
            defer { found.finish() }
            try await services.run()
        }
        guard let port = await ports.first(where: { _ in true }) else {
            running.cancel()
            await upstream.close()
            throw GatewayStartError(listening: options, await running.result)
        }
        var taken = options
        taken.port = port
        return Gateway(taken, core, tls, way.tls, services, running, log)
    }

    private init(
        _ options: GatewayOptions, _ core: GatewayCore, _ tls: ServerTLS?, _ clientTLS: ClientTLS?,
        _ services: ServiceGroup, _ running: Task<Void, any Error>, _ log: Logger
    ) {
        self.options = options
        self.core = core
        self.tls = tls
        self.clientTLS = clientTLS
        self.services = services
        self.running = running
        self.log = log
        watching = Task { [upstream = core.upstream] in await upstream.watch() }
        if let warning = tls?.warning { log.warning("\(warning)") }
    }

    deinit {
        watching.cancel()
        running.cancel()
    }

    private static let silentLog = Logger(label: "immugw") { _ in SwiftLogNoOpLogHandler() }

    private static func builder(
        _ limits: RequestLimits, _ connections: HostShares, _ tls: ServerTLS?
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            let http = HTTP1Channel(
                responder: responder,
                configuration: .init(
                    additionalChannelHandlers: [RequestPace(limits, connections)],
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: limits.maxHeaderByteCount,
                        maxHeaderListSize: limits.maxHeaderByteCount, maxHeaderFieldCount: 100)))
            return GatewayChannel(http: http, tls: tls)
        }
    }

    /// Accepts an identity that immudb has got in this process, by a restore, in place of the one that was trusted before.
    package func expect(_ identity: ServerIdentity) async { await core.upstream.expect(identity) }

    /// The number of connected clients.
    var connectionCount: Int { core.connections.current }
    /// The number of logins that wait for immudb.
    var waitingLoginCount: Int { core.logins.current }
    /// The bytes that the gateway holds for requests.
    var heldByteCount: Int { core.held.current }

    /// Reads the TLS files again, for later connections: those of the listener, and those for immudb. If a file
    /// cannot be used, logs that and keeps the previous files of the same side. Blocks.
    public func reloadCertificates() {
        do throws(TLSFileError) {
            if let clientTLS {
                try clientTLS.reload()
                log.info("the certificate for immudb was read again, for later connections")
            }
        } catch {
            log.error("the certificate for immudb stays the old one: \(error)")
        }
        do throws(TLSFileError) {
            if let tls {
                try tls.reload()
                log.info("the certificate is \(tls.summary)")
            }
        } catch {
            log.error("the certificate stays the old one: \(error)")
        }
    }

    /// Stops accepting connections, lets running requests end, and cuts off those that remain at the deadline.
    ///
    /// - Returns: whether all requests ended in time.
    @discardableResult
    public func stop(deadline: Duration) async -> Bool {
        watching.cancel()
        await services.triggerGracefulShutdown()
        let cutting = Task { [running, core] in
            try await Task.sleep(for: deadline)
            running.cancel()
            // Requests that wait for immudb end when the upstream is closed.
            await core.upstream.close()
        }
        _ = await running.result
        cutting.cancel()
        // The task fails if it was cancelled before the deadline.
        let isClean = (try? await cutting.value) == nil
        if isClean { await core.upstream.close() }
        return isClean
    }
}
