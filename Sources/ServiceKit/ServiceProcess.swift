// A process that serves: reads its settings, opens its log, detaches if asked to, takes its pid file, starts its
// service, and stops it at SIGTERM or SIGINT. Read this file first, then Service.swift for what is served.

import POSIX
public import ProgramKit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What a program does whose work is to serve, whatever it serves.
@MainActor
public enum ServiceProcess {
    /// How long calls may take to finish when the process is to stop.
    public static let stopTime = Duration.seconds(10)

    /// Kept until the process ends, since signals may come until then.
    private static var stopSignals: StopSignals?
    private static var hangUpSignal: HangUpSignal?
    private static var levelSignals: LevelSignals?

    /// Serves, and returns when a signal has stopped that.
    ///
    /// - Parameters:
    ///   - settings: those of the program's definition by which the process itself runs.
    ///   - service: what is served, by the settings' values. Opens nothing yet.
    /// - Returns: the exit code.
    /// - Throws: why it does not serve. What a user already sees on the standard error is not thrown.
    public static func run<P: Program>(
        _ invocation: Invocation<P>, _ settings: ServiceSettings,
        service: (SettingsValues) throws(SettingsError) -> any Service
    ) async throws -> Int32 {
        let sources = try invocation.sources()
        if let announcement = sources.announcement {
            StandardFiles.write(announcement + "\n", to: STDOUT_FILENO)
        }
        return try await run(sources, settings, service: service)
    }

    /// Serves as a command of a program that does other things, too. A config file that was found is not named.
    ///
    /// - Parameter sources: those of the settings.
    public static func run(
        _ sources: SettingsSources, _ settings: ServiceSettings,
        service: (SettingsValues) throws(SettingsError) -> any Service
    ) async throws -> Int32 {
        // A client or a pipe that has gone away is an error of its write, not the end of the server.
        signal(SIGPIPE, SIG_IGN)
        StandardFiles.keepErrorsFromBlocking()
        let startup = try ServiceStartup(sources, settings)
        let service = try service(startup.values)
        let log = try startup.openLog()
        if startup.isDetached, DetachedProcess.current == nil {
            try Detachment.run()
            return EXIT_SUCCESS
        }
        for warning in startup.warnings { log.warning(warning) }
        let manager = ServiceNotifier.current
        if let complaint = manager.complaint { log.warning(complaint) }
        do {
            let exitCode = try await serve(service, startup, log)
            flush(log)
            return exitCode
        } catch {
            log.error("\(error)")
            manager.tell(.failed("\(error)"))
            flush(log)
            // Also tells the process that waits for this one, and a user who sees no log.
            let isTold = startup.logFile.isEmpty && DetachedProcess.current == nil
            guard isTold else { throw error }
            return EXIT_FAILURE
        }
    }

    /// - Throws: why the service does not start.
    private static func serve(
        _ service: any Service, _ startup: ServiceStartup, _ log: ServerLog
    ) async throws -> Int32 {
        raiseOpenFileLimit()
        returnLargeBlocks()
        let manager = ServiceNotifier.current
        manager.tell(.busy(service.startingStatus))
        // A service manager means "reload" by it, whatever there is to read.
        let hangUpHasWork =
            manager.isListenedTo || service.rereadsFiles || !startup.logFile.isEmpty
        let stopSignals = StopSignals(
            log: log, stopsOnHangUp: !hangUpHasWork, cancelStart: service.cancelStart)
        self.stopSignals = stopSignals
        hangUpSignal = hangUpHasWork ? HangUpSignal(log: log, manager: manager) : nil
        levelSignals = LevelSignals(log: log)
        // Taken before anything is opened: a second start fails here.
        let pidFile = try startup.takePidFile()
        let running: any RunningService
        do {
            running = try await service.start(log: log)
        } catch {
            pidFile?.remove()
            guard let error = error as? StartCancelled else { throw error }
            log.info("stopped before the server had started: \(error.message)")
            DetachedProcess.current?.report(failure: error.message)
            return EXIT_SUCCESS
        }
        hangUpSignal?.serve(running)
        if let detached = DetachedProcess.current {
            // A script looks for the port in the log as soon as `immudb -d` has returned.
            flush(log)
            detached.report()
        }
        if let failure = manager.tell(.ready(running.status)) {
            log.warning("the service manager was not told that the server serves: \(failure)")
        }
        await stopSignals.first()
        hangUpSignal?.stopServing()
        manager.tell(.stopping("Lets calls finish, for 10 seconds at most"))
        let isClosed = await running.stop(deadline: stopTime)
        pidFile?.remove()
        return isClosed ? EXIT_SUCCESS : EXIT_FAILURE
    }

    /// Waits until the lines so far are in the log, but for half a second only: they may be impossible to
    /// write.
    private static func flush(_ log: ServerLog) {
        log.flush(within: .milliseconds(500))
    }
}
