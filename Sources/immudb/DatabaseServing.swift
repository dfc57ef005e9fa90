// What the program serves: the database, and its metrics beside it.

import ImmudbServer
import ImmudbStore
import POSIX
import ServiceKit

/// The server of a database, and its metrics over HTTP.
struct DatabaseServing: Service {
    let options: ServerOptions
    private let cancellation = Cancellation()

    var startingStatus: String { "Opens the database" }
    var rereadsFiles: Bool { options.mutualTLS.isOn }

    func cancelStart() { cancellation.cancel() }

    func start(log: ServerLog) async throws -> any RunningService {
        let metrics = MetricsEndpoint()
        do throws(ServerStartError) {
            let options = try await serve(metrics, log)
            let server = try await ImmudbServer.start(
                options, log: log.logger, cancellation: cancellation, metrics: metrics.registry)
            metrics.setReady(true)
            return RunningDatabase(server: server, metrics: metrics)
        } catch {
            await metrics.stop()
            guard error.isCancellation else { throw error }
            throw StartCancelled(error.message)
        }
    }

    /// Listens for scrapes.
    ///
    /// That the usual port is in use, by another server of this machine, is no reason not to serve the database; that
    /// a port or an address which somebody chose cannot be had, is one.
    ///
    /// - Returns: the options with the port that was taken.
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
    let metrics: MetricsEndpoint

    var status: String { "Serves \(hostAndPort(server.options.address, server.options.port))" }

    func reload() { server.reloadCertificates() }

    func stop(deadline: Duration) async -> Bool {
        metrics.setReady(false)
        let isClosed = await server.stop(deadline: deadline)
        await metrics.stop()
        return isClosed
    }
}
