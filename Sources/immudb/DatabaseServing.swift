// The program's service: the database, its metrics, and optionally a gateway.

import ImmudbGateway
import ImmudbServer
import ImmudbStore
import MetricsHTTP
import POSIX
import RPCTransport
import ServiceKit

/// The server of a database, its metrics over HTTP, and its gateway.
struct DatabaseServing: Service {
    let options: ServerOptions
    /// The options of the gateway; nil for none.
    let gateway: GatewayOptions?
    private let cancellation = Cancellation()

    var startingStatus: String { "Opens the database" }
    var rereadsFiles: Bool {
        options.mutualTLS.isOn || gateway.map { !$0.tlsCertificate.isEmpty } == true
    }

    func cancelStart() { cancellation.cancel() }

    func start(log: ServerLog) async throws -> any RunningService {
        let metrics = MetricsEndpoint()
        do throws(ServerStartError) {
            var options = try await serve(metrics, log)
            if let gateway {
                options.gatewayConnectionCount = DescriptorBudget.gatewayConnectionCount
                // Before the data is opened, since that may take long.
                try checkListening(
                    host: gateway.address, port: gateway.port, portFlag: "--gateway-port")
            }
            let server = try await ImmudbServer.start(
                options, log: log.logger, cancellation: cancellation, metrics: metrics.registry)
            let gateway = try await startGateway(of: server, log, metrics)
            metrics.setReady(true)
            return RunningDatabase(server: server, gateway: gateway, metrics: metrics)
        } catch {
            await metrics.stop()
            guard error.isCancellation else { throw error }
            throw StartCancelled(error.message)
        }
    }

    /// - Returns: nil if there is no gateway.
    private func startGateway(
        of server: ImmudbServer, _ log: ServerLog, _ metrics: MetricsEndpoint
    ) async throws(ServerStartError) -> Gateway? {
        guard let gateway else { return nil }
        do throws(ServerStartError) {
            let gateway = try await Gateway.start(gateway, of: server, log, metrics)
            server.onNewIdentity { [weak gateway] in await gateway?.expect($0) }
            return gateway
        } catch {
            await server.stop(deadline: .zero)
            throw error
        }
    }

    /// Listens for scrapes.
    ///
    /// If the default port is in use, by another server on this machine, the database is served nevertheless. If a
    /// port or an address that the operator chose is not available, the start fails.
    ///
    /// - Returns: the options with the actual port.
    private func serve(
        _ metrics: MetricsEndpoint, _ log: ServerLog
    ) async throws(ServerStartError) -> ServerOptions {
        var options = options
        let address = hostAndPort(options.metricsHost, options.metricsPort)
        do {
            options.metricsPort = try await metrics.start(
                host: options.metricsHost, port: options.metricsPort)
            log.info(
                "Metrics served at http://\(hostAndPort(options.metricsHost, options.metricsPort))/metrics"
            )
        } catch {
            let failure = ListeningFailure(error)
            let reason = "cannot listen on \(address) for metrics: \(failure.reason)"
            let flag = failure.isOfPort ? "port" : "address"
            let isChosen =
                failure.isOfPort
                ? options.metricsPort != ServerOptions.defaultMetricsPort
                : !options.metricsAddress.isEmpty
            guard !isChosen else {
                throw ServerStartError("\(reason). Give another \(flag) with --metrics-\(flag)")
            }
            log.warning("\(reason). There are none until a start with another --metrics-\(flag)")
        }
        return options
    }
}

private struct RunningDatabase: RunningService {
    let server: ImmudbServer
    let gateway: Gateway?
    let metrics: MetricsEndpoint

    var status: String { "Serves \(hostAndPort(server.options.address, server.options.port))" }

    func reload() {
        server.reloadCertificates()
        gateway?.reloadCertificates()
    }

    func stop(deadline: Duration) async -> Bool {
        metrics.setReady(false)
        var timeLeft = deadline
        if let gateway {
            // First, since the gateway's requests are calls of the server. The server's other calls have the rest of
            // the time.
            let end = ContinuousClock.now + deadline
            await gateway.stop(deadline: deadline / 2)
            timeLeft = max(.zero, end - .now)
        }
        let isClosed = await server.stop(deadline: timeLeft)
        await metrics.stop()
        return isClosed
    }
}
