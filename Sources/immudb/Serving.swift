// What the program does as a server: reads its settings, opens its log, detaches if asked to, takes
// its pid file, starts the server, and stops it at SIGTERM or SIGINT.

import ImmudbServer
import NIOCore
import POSIX
import ProgramKit
import SystemPackage

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Immudb {
    /// Kept until the process ends, since signals may come until then.
    @MainActor private static var stopSignals: StopSignals?
    @MainActor private static var hangUpSignal: HangUpSignal?
    @MainActor private static var levelSignals: LevelSignals?

    /// Returns when the server has been stopped.
    @MainActor
    static func serve(_ invocation: Invocation<Self>) async throws -> Int32 {
        // A client or a pipe that has gone away is an error of its write, not the end of the server.
        signal(SIGPIPE, SIG_IGN)
        StandardFiles.keepErrorsFromBlocking()
        let startup = try Startup(invocation.sources())
        let log = try startup.openLog()
        if startup.options.process.isDetached, DetachedProcess.current == nil {
            try Detachment.run()
            return EXIT_SUCCESS
        }
        for warning in startup.warnings { log.warning(warning) }
        let manager = ServiceNotifier.current
        if let complaint = manager.complaint { log.warning(complaint) }
        do {
            let exitCode = try await serve(startup, log)
            flush(log)
            return exitCode
        } catch {
            log.error("\(error)")
            manager.tell(.failed("\(error)"))
            flush(log)
            // Also tells the process that waits for this one, and a user who sees no log.
            let isTold = startup.options.process.logFile.isEmpty && DetachedProcess.current == nil
            guard isTold else { throw error }
            return EXIT_FAILURE
        }
    }

    /// - Throws: why the server does not start.
    @MainActor
    private static func serve(_ startup: Startup, _ log: ServerLog) async throws -> Int32 {
        raiseOpenFileLimit()
        returnLargeBlocks()
        let manager = ServiceNotifier.current
        manager.tell(.busy("Opens the database"))
        // A service manager means "reload" by it, whatever there is to read.
        let hangUpHasWork = manager.isListenedTo || HangUpSignal.hasWork(startup.options)
        let stopSignals = StopSignals(log: log, stopsOnHangUp: !hangUpHasWork)
        self.stopSignals = stopSignals
        hangUpSignal = hangUpHasWork ? HangUpSignal(log: log, manager: manager) : nil
        levelSignals = LevelSignals(log: log)
        // Taken before the data is touched: a second start fails here.
        let pidFile = try startup.takePidFile()
        let metrics = MetricsEndpoint()
        let server: ImmudbServer
        do throws(ServerStartError) {
            let options = try await serve(metrics, startup, log)
            server = try await ImmudbServer.start(
                options, log: log.logger, cancellation: stopSignals.cancellation,
                metrics: metrics.registry)
        } catch {
            await metrics.stop()
            pidFile?.remove()
            guard error.isCancellation else { throw error }
            log.info("stopped before the server had started: \(error.message)")
            DetachedProcess.current?.report(failure: error.message)
            return EXIT_SUCCESS
        }
        metrics.setReady(true)
        hangUpSignal?.serve(server)
        if let detached = DetachedProcess.current {
            // A script looks for the port in the log as soon as `immudb -d` has returned.
            flush(log)
            detached.report()
        }
        if let failure = manager.tell(.ready(HangUpSignal.status(of: server))) {
            log.warning("the service manager was not told that the server serves: \(failure)")
        }
        await stopSignals.first()
        hangUpSignal?.stopServing()
        manager.tell(.stopping("Lets calls finish, for 10 seconds at most"))
        metrics.setReady(false)
        let isClosed = await server.stop(deadline: .seconds(10))
        await metrics.stop()
        pidFile?.remove()
        return isClosed ? EXIT_SUCCESS : EXIT_FAILURE
    }

    /// Listens for scrapes.
    ///
    /// That the usual port is in use, by another server of this machine, is no reason not to serve the database; that
    /// a port or an address which somebody chose cannot be had, is one.
    ///
    /// - Returns: the options with the port that was taken.
    private static func serve(
        _ metrics: MetricsEndpoint, _ startup: Startup, _ log: ServerLog
    ) async throws(ServerStartError) -> ServerOptions {
        var options = startup.options
        let address = hostAndPort(options.metricsHost, options.metricsPort)
        do {
            options.metricsPort = try await metrics.start(
                host: options.metricsHost, port: options.metricsPort)
            log.info(
                "Metrics served at http://\(hostAndPort(options.metricsHost, options.metricsPort))/metrics"
            )
        } catch {
            let failure = MetricsListeningFailure(error)
            let reason = "cannot listen on \(address) for metrics: \(failure.reason)"
            let flag = failure.isOfPort ? "port" : "address"
            let isChosen =
                failure.isOfPort
                ? startup.hasChosenMetricsPort : !startup.options.metricsAddress.isEmpty
            guard !isChosen else {
                throw ServerStartError("\(reason). Give another \(flag) with --metrics-\(flag)")
            }
            log.warning("\(reason). There are none until a start with another --metrics-\(flag)")
        }
        return options
    }

    /// Waits until the lines so far are in the log, but for half a second only: they may be impossible to
    /// write.
    private static func flush(_ log: ServerLog) {
        log.flush(within: .milliseconds(500))
    }
}
