// A process that serves: reads its settings, opens its log, detaches if asked to, takes its pid file, starts its
// service, and stops it at SIGTERM or SIGINT. Read this file first, then Service.swift.

import POSIX
public import ProgramKit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Runs the process of a program that serves.
@MainActor
public enum ServiceProcess {
    /// The time that running calls have to finish during a stop.
    public static let stopTime = Duration.seconds(10)

    /// Kept until the process ends, since signals may arrive until then.
    private static var stopSignals: StopSignals?
    private static var hangUpSignal: HangUpSignal?
    private static var levelSignals: LevelSignals?

    /// Serves, and returns when a signal has stopped the service.
    ///
    /// - Parameters:
    ///   - settings: the settings in the program's definition that concern the process itself.
    ///   - service: makes the service from the settings' values. Must not open anything yet.
    /// - Returns: the exit code.
    /// - Throws: the reason of a failure, unless the user already sees it on the standard error.
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

    /// Serves as one command of a program with several. Does not print the path of the config file.
    ///
    /// - Parameter sources: the sources of the settings.
    public static func run(
        _ sources: SettingsSources, _ settings: ServiceSettings,
        service: (SettingsValues) throws(SettingsError) -> any Service
    ) async throws -> Int32 {
        // A closed connection or pipe is an error of the write, and must not end the server.
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
            // Also tells the waiting parent process, or a user who does not see the log.
            let isTold = startup.logFile.isEmpty && DetachedProcess.current == nil
            guard isTold else { throw error }
            return EXIT_FAILURE
        }
    }

    /// - Throws: the reason why the service does not start.
    private static func serve(
        _ service: any Service, _ startup: ServiceStartup, _ log: ServerLog
    ) async throws -> Int32 {
        raiseOpenFileLimit()
        returnLargeBlocks()
        let manager = ServiceNotifier.current
        manager.tell(.busy(service.startingStatus))
        // A service manager sends it for "reload", even if there are no files to read.
        let hangUpHasWork =
            manager.isListenedTo || service.rereadsFiles || !startup.logFile.isEmpty
        let stopSignals = StopSignals(
            log: log, stopsOnHangUp: !hangUpHasWork, cancelStart: service.cancelStart)
        self.stopSignals = stopSignals
        hangUpSignal = hangUpHasWork ? HangUpSignal(log: log, manager: manager) : nil
        levelSignals = LevelSignals(log: log)
        // Taken before anything is opened, so that a second start fails here.
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
            // Scripts look for the port in the log as soon as `immudb -d` has returned.
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

    /// Waits until all lines so far are in the log, but at most half a second, since it may be impossible to write
    /// them.
    private static func flush(_ log: ServerLog) {
        log.flush(within: .milliseconds(500))
    }
}
