import ImmudbClient
import MetricsHTTP
import POSIX
import PrometheusMetrics
import RPCTransport
public import ServiceKit

/// An auditor as a program that serves: it makes rounds, and shows its metrics and roots over HTTP.
public struct AuditorService: Service {
    /// The original's port.
    public static let defaultPort = 9477
    /// More than that many readers of metrics at a time wait.
    private static let connectionCount = 16

    public let options: AuditorOptions
    public let host: String
    /// 0 takes any that is free.
    public let port: Int

    public init(_ options: AuditorOptions, host: String, port: Int) {
        self.options = options
        self.host = host
        self.port = port
    }

    public var startingStatus: String { "Checks the log of roots" }
    public var rereadsFiles: Bool { false }
    /// A start is short: the check of the log, at the speed of the disk.
    public func cancelStart() {}

    public func start(log: ServerLog) async throws -> any RunningService {
        let auditor = try await Auditor.open(options, log: log.logger(of: "auditor"))
        let endpoint = MetricsEndpoint(
            auditor.registry, serverName: "immuclient", maxConnectionCount: Self.connectionCount,
            documents: [
                MetricsEndpoint.Document(path: "/roots", contentType: "application/json") {
                    auditor.rootsAnswer
                }
            ])
        let taken: Int
        do {
            taken = try await endpoint.start(host: host, port: port)
        } catch {
            await auditor.close()
            let failure = ListeningFailure(error)
            throw AuditorError(
                .files,
                "cannot listen on \(hostAndPort(host, port)) for metrics: \(failure.reason). Give another "
                    + "\(failure.isOfPort ? "port with --prometheus-port" : "address with --prometheus-host")"
            )
        }
        let place = hostAndPort(host, taken)
        log.info("Metrics served at http://\(place)/metrics, roots at http://\(place)/roots")
        log.info(
            "Auditor of \(options.connection.host) ready; its log in \(options.directory) is signed with the key "
                + auditor.publicKey)
        endpoint.setReady(true)
        return RunningAuditor(
            auditor: auditor, endpoint: endpoint, log: log,
            rounds: Task { await auditor.run() })
    }
}

private struct RunningAuditor: RunningService {
    let auditor: Auditor
    let endpoint: MetricsEndpoint
    let log: ServerLog
    let rounds: Task<Void, Never>

    var status: String { "Audits \(auditor.options.connection.host)" }

    func reload() {}

    func stop(deadline: Duration) async -> Bool {
        endpoint.setReady(false)
        rounds.cancel()
        await rounds.value
        await endpoint.stop()
        await auditor.close()
        log.info("shutdown completed")
        return true
    }
}
