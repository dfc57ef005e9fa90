// The server: `ImmuService` on a database, with options, an identifier and a log. Read this file
// first for the life of a server, then DatabaseService.swift for the life of a call.

public import CoreMetrics
import ImmudbAccounts
import ImmudbProtocol
public import ImmudbStore
public import Logging
import POSIX
package import RPCTransport

/// A database served to the clients of immudb 0.6 over gRPC.
///
///     let log = Logger(label: "ledger")
///     let server = try await ImmudbServer.start(ServerOptions(directory: "data"), log: log)
///     …
///     await server.stop(deadline: .seconds(10))
public final class ImmudbServer: Sendable {
    /// The release that this server belongs to, such as 0.6.0.
    public static let version = ImmudbRelease.version

    /// The options at the start, with the actual port if it was 0.
    public let options: ServerOptions
    /// The value of the header `immudb-uuid` in every answer.
    public var identifier: ServerIdentifier { currentIdentifier.value }
    private let currentIdentifier: CurrentIdentifier
    /// The open database, for use beside the server in the same process.
    public let database: Database
    private let accounts: Accounts
    private let restores: RestoreService

    private let log: Logger
    private let monitor: HealthMonitor
    private let gauges: ServerGauges
    private let transport: RPCServer
    /// The TLS files; nil without TLS.
    private let tls: ServerTLS?

    /// Checks the port, opens the data and serves.
    ///
    /// Cheap steps that can fail come first: it reads the TLS files, tries the port, creates or
    /// reads the folders and the identifier, and opens the users and the database, which it
    /// recovers after a crash. Only then it admits clients.
    ///
    /// - Parameters:
    ///   - log: gets the server's messages. Messages about calls have the metadata `rpc` and `client`; all have
    ///     `component`. At the level debug there is a message for each call, with its key; other messages contain no
    ///     keys, and no message contains values, tokens or passwords. `ServerLog` of the module `ServiceKit` has a
    ///     logger that never blocks.
    ///   - cancellation: cancels a start, which takes long if views are rebuilt.
    ///   - metrics: records the metrics of ``ServerMetric``; by default the process's metrics backend.
    /// - Throws: `ServerStartError`; nothing stays open then.
    public static func start(
        _ options: ServerOptions, log: Logger, cancellation: Cancellation? = nil,
        metrics: any MetricsFactory = MetricsSystem.factory
    ) async throws(ServerStartError) -> ImmudbServer {
        let log = log.of(.server)
        try options.validate()
        let tls = try await loadTLS(options.mutualTLS, log: log)
        let signer = try await loadSigner(options.signingKeyFile, log: log)
        let budget = try DescriptorBudget(
            log: log, gatewayCount: options.gatewayConnectionCount)
        let opened = await onOwnThread { () throws(ServerStartError) in
            try OpenedData(options, budget, cancellation, metrics, log: log)
        }
        let data = try opened.get()
        let service: DatabaseService
        do {
            service = try DatabaseService(
                database: data.database, log: log, maxAnswerByteCount: options.maxAnswerByteCount,
                servesDamaged: options.servesDamaged, beside: [data.accounts.database],
                signer: signer)
        } catch {
            _ = await onOwnThread { () throws(StoreError) in try data.close() }
            throw ServerStartError(
                "Unable to start a thread: \(error). Raise the limit of threads (ulimit -u) and start again"
            )
        }
        let accounts = AccountService(
            data.accounts, isAuthenticating: options.isAuthenticating, log: log,
            faults: service.faults)
        let backups = BackupService(
            data, name: options.databaseName, gate: accounts.gate, faults: service.faults, log: log)
        let restores = RestoreService(
            data, options, gate: accounts.gate, faults: service.faults, log: log)
        var configuration = configuration(options, identifier: data.identifier.value, log: log)
        configuration.tls = tls
        configuration.maxConnections = min(
            configuration.maxConnections, budget.connectionCount)
        let monitor = HealthMonitor(
            service.operations, limit: max(1, configuration.maxConnections / 8))
        let checks = HealthChecks(service.operations, monitor)
        let transport: RPCServer
        let gauges: ServerGauges
        do {
            let methods =
                try accounts.methods + backups.methods + restores.methods + service.methods
                + checks.methods + Reflection().methods
            let calls = CallMetrics(
                methods, metrics, hasHistograms: !options.process.isWithoutHistograms)
            configuration.observer = { calls.observer(of: $0) }
            transport = try await RPCServer.start(
                configuration, methods: methods.map(accounts.gate.guarding))
            gauges = ServerGauges(
                service.operations, data.accounts, transport, calls, options, metrics)
            do {
                try gauges.start()
            } catch {
                await transport.shutdown(deadline: .zero)
                throw RPCError(.unavailable, "no thread for metrics: \(error)")
            }
        } catch {
            _ = await onOwnThread { () throws(StoreError) in try data.close() }
            throw listeningError(
                host: options.host, port: options.port,
                reason: (error as? RPCError)?.message ?? "\(error)")
        }
        restores.onNewIdentifier { [data, transport] identifier in
            data.identifier.value = identifier
            transport.replaceInitialHeaders(identifier.headers)
        }
        var served = options
        served.port = transport.port
        log.info("starting immudb: \(served.json)")
        if data.database.snapshot.size.isEmpty {
            log.info("Started with an empty database")
        }
        log.info("Ready: immudb \(version) serves \(hostAndPort(served.host, served.port))")
        return ImmudbServer(
            options: served, data: data, restores: restores, log: log, monitor: monitor,
            gauges: gauges, transport: transport, tls: tls)
    }

    private static func configuration(
        _ options: ServerOptions, identifier: ServerIdentifier, log: Logger
    ) -> RPCServer.Configuration {
        var configuration = RPCServer.Configuration(host: options.host, port: options.port)
        configuration.maxReceiveMessageByteCount = options.maxReceiveMessageByteCount
        // A connection may hold half of the bytes of all requests: enough for the largest request
        // and for its decoded form of the same size.
        let room = 2 * options.maxReceiveMessageByteCount + (1 << 20)
        configuration.maxBufferedRequestByteCount = max(
            configuration.maxBufferedRequestByteCount, 3 * room)
        // The largest answer is counted twice while it is made. Both must fit into the half for
        // clients that have not read anything yet, besides the quarter for unread answers.
        configuration.maxHeldAnswerByteCount = max(
            configuration.maxHeldAnswerByteCount, 8 * options.maxAnswerByteCount)
        configuration.report(to: log)
        configuration.memoryIsFree = returnFreeMemory
        configuration.initialHeaders = identifier.headers
        return configuration
    }

    private init(
        options: ServerOptions, data: OpenedData, restores: RestoreService, log: Logger,
        monitor: HealthMonitor, gauges: ServerGauges, transport: RPCServer, tls: ServerTLS?
    ) {
        self.options = options
        currentIdentifier = data.identifier
        restoredIdentity =
            data.hasCompletedRestore ? ServerIdentity("\(data.identifier.value)") : nil
        database = data.database
        accounts = data.accounts
        self.restores = restores
        self.log = log
        self.monitor = monitor
        self.gauges = gauges
        self.transport = transport
        self.tls = tls
    }

    /// Configures the client of a gateway in this process. It calls for others, so none of its calls counts as from
    /// this machine.
    package var gatewayClient: RPCClient.Configuration {
        var configuration = RPCClient.Configuration(inProcess: transport, forOthers: true)
        // Includes the fields around an entry.
        configuration.maxReceiveMessageByteCount = options.maxAnswerByteCount + (8 << 20)
        return configuration
    }

    /// Adds what is done when a restore has given the server another identity, before clients see it.
    package func onNewIdentity(_ handler: @escaping @Sendable (ServerIdentity) async -> Void) {
        restores.onNewIdentifier { identifier in
            if let identity = ServerIdentity("\(identifier)") { await handler(identity) }
        }
    }

    /// The server's identity, if the start has completed a restore, which may have given it that.
    package let restoredIdentity: ServerIdentity?

    /// Reads the TLS files again, for new connections. If a file cannot be used, logs that and changes nothing.
    /// Blocks.
    public func reloadCertificates() {
        guard let tls else { return }
        let log = log.of(.tls)
        do throws(TLSFileError) {
            try tls.reload()
            log.info("certificates were read again: \(tls.summary)")
            if let warning = tls.warning { log.warning("\(warning)") }
        } catch {
            log.error("certificates stay as they were: \(error)")
        }
    }

    /// Refuses new calls, waits for running ones, cuts off the remaining ones at the deadline, and
    /// closes the databases. When it returns, everything acknowledged is on disk and the folder is
    /// free.
    ///
    /// - Returns: false if the database could not be closed properly; the log says why. Even then
    ///   nothing acknowledged is lost.
    @discardableResult
    public func stop(deadline: Duration) async -> Bool {
        log.info("stopping immudb: \(options.json)")
        let count = transport.connectionCount
        if count > 0 {
            log.info(
                """
                waiting for calls of \(counted(count, "connection")), for \
                \(counted(Int(deadline.components.seconds), "second")) at most
                """)
        }
        monitor.end()
        // Logins that wait for their turn would delay the stop until its deadline.
        _ = await onOwnThread { [accounts, restores] () throws(Never) in
            accounts.endChanges()
            restores.end()
        }
        await transport.shutdown(deadline: deadline) { [log] count in
            log.warning(
                """
                cutting \(counted(count, "connection")): calls did not end, or clients did not leave in time
                """)
        }
        let areAccountsClosed = await close(accounts.database) {
            [accounts, gauges] () throws(StoreError) in
            gauges.end()
            try accounts.close()
        }
        let isClosed = await close(database) { [database] () throws(StoreError) in
            try database.close()
        }
        log.info("shutdown completed")
        return areAccountsClosed && isClosed
    }

    private func close(
        _ database: Database, _ body: @escaping @Sendable () throws(StoreError) -> Void
    ) async -> Bool {
        switch await onOwnThread(body) {
        case .success:
            let last = database.snapshot
            log.info("Tree of width \(last.size) closed with root \(last.root.hex)")
            log.info("Store closed")
            return true
        case .failure(let error):
            log.error("Unable to close store: \(database.path): \(error)")
            return false
        }
    }
}

/// Runs blocking work on its own thread, or, if the system cannot start one, on a thread of Swift's cooperative pool.
func onOwnThread<R: Sendable, E: Error>(
    _ work: @escaping @Sendable () throws(E) -> R
) async -> Result<R, E> {
    await withCheckedContinuation { continuation in
        let run: @Sendable () -> Void = {
            continuation.resume(returning: Result { () throws(E) in try work() })
        }
        if (try? WorkerThread(name: "open or close", run)) == nil { run() }
    }
}

extension ServerIdentifier {
    /// The headers of all answers.
    fileprivate var headers: Metadata {
        var headers = Metadata()
        headers.add(ImmuMetadata.serverIdentity, "\(self)")
        return headers
    }
}
