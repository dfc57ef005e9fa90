import Dispatch
import ProgramKit
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Handles SIGHUP in a server that has a log file or certificates, or that a service manager has started: opens the
/// log file again, which may have been renamed, and makes the server read its files again, which may have been
/// replaced. Then notifies the service manager.
final class HangUpSignal: Sendable {
    private let log: ServerLog
    private let manager: ServiceNotifier
    private let server = Mutex<(any RunningService)?>(nil)
    // Written once, by `init`. The object may be used on every thread; this only keeps it alive.
    private nonisolated(unsafe) let source: any DispatchSourceSignal

    init(log: ServerLog, manager: ServiceNotifier) {
        self.log = log
        self.manager = manager
        signal(SIGHUP, SIG_IGN)
        source = DispatchSource.makeSignalSource(
            signal: SIGHUP, queue: DispatchQueue(label: "service.hang-up"))
        source.setEventHandler { [unowned self] in received() }
        source.activateAndWait()
    }

    /// Sets the server whose files are read again.
    func serve(_ server: any RunningService) { self.server.withLock { $0 = server } }

    /// Notes that the server stops: from now on SIGHUP does not affect it, and does not notify the service manager.
    func stopServing() { server.withLock { $0 = nil } }

    private func received() {
        // Before the server serves, this must not report that it does.
        let server = tell { _ in .reloading }
        defer { tell { .ready($0.status) } }
        do throws(LogOpenError) {
            try log.reopenFile()
            log.info("caught SIGHUP")
        } catch {
            log.error("caught SIGHUP, and the log stays in its old file: \(error)")
        }
        server?.reload()
    }

    /// Notifies the service manager about a running server. The server does not begin to stop meanwhile, so this
    /// notification never follows that of the stop.
    @discardableResult
    private func tell(
        _ state: (any RunningService) -> ServiceNotifier.State
    ) -> (any RunningService)? {
        server.withLock { server in
            if let server { manager.tell(state(server)) }
            return server
        }
    }
}
