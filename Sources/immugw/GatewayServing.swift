import ImmudbGateway
import POSIX
import ServiceKit

/// The gateway as this program's service.
struct GatewayServing: Service {
    let options: GatewayOptions

    var startingStatus: String { "Starts the gateway" }
    var rereadsFiles: Bool { !options.tlsCertificate.isEmpty || options.mutualTLS.isOn }

    func start(log: ServerLog) async throws -> any RunningService {
        var options = options
        // Half of the files are reserved for other uses than clients.
        let fileCount = openFileLimit() ?? 1_024
        options.maxConnectionCount = min(options.maxConnectionCount, max(1, fileCount / 2))
        let gateway = try await Gateway.start(
            options, log: log.logger(of: "gateway"), metrics: Gateway.makeRegistry())
        log.info("starting immugw: \(gateway.options.json)")
        return RunningGateway(gateway: gateway, log: log)
    }

    /// Does nothing: a start is always quick, since it does not wait for immudb.
    func cancelStart() {}
}

private struct RunningGateway: RunningService {
    let gateway: Gateway
    let log: ServerLog

    var status: String {
        let options = gateway.options
        return "Serves \(hostAndPort(options.address, options.port))"
    }

    func reload() { gateway.reloadCertificates() }

    func stop(deadline: Duration) async -> Bool {
        log.info("stopping immugw: \(gateway.options.json)")
        // Requests that were cut off had their time: that is not a failure of the stop.
        await gateway.stop(deadline: deadline)
        log.info("shutdown completed")
        return true
    }
}
