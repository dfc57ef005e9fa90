import Dispatch
import ProgramKit
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Receives SIGHUP from its creation on, in a server with a log file or certificates, or one that a service manager has
/// started: opens the log file again, which may have been renamed, and has the server read its files again, which may
/// have been replaced. The service manager hears when that is done.
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

    /// The server whose files are read again from now on.
    func serve(_ server: any RunningService) { self.server.withLock { $0 = server } }

    /// The server stops: a hang-up does nothing to it from now on, and tells the service manager nothing of it.
    func stopServing() { server.withLock { $0 = nil } }

    private func received() {
        // Before the server serves, it is not for this to say that it does.
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

    /// Tells the service manager something of a server that serves. While it does, the server does not begin to stop:
    /// the service manager hears nothing of this after it was told of that.
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
