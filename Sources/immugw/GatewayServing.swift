import ImmudbGateway
import POSIX
import ServiceKit

/// The gateway as what this program serves.
struct GatewayServing: Service {
    let options: GatewayOptions

    var startingStatus: String { "Starts the gateway" }
    var rereadsFiles: Bool { !options.tlsCertificate.isEmpty || options.mutualTLS.isOn }

    func start(log: ServerLog) async throws -> any RunningService {
        var options = options
        // Half of the files stay for what is not a client.
        let fileCount = openFileLimit() ?? 1_024
        options.maxConnectionCount = min(options.maxConnectionCount, max(1, fileCount / 2))
        let gateway = try await Gateway.start(
            options, log: log.logger(of: "gateway"), metrics: Gateway.makeRegistry())
        log.info("starting immugw: \(gateway.options.json)")
        return RunningGateway(gateway: gateway, log: log)
    }

    /// A start never takes long: it does not wait for immudb.
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
        // Requests that were cut have had their time: not a failure of the stop.
        await gateway.stop(deadline: deadline)
        log.info("shutdown completed")
        return true
    }
}
