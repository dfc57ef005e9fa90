import Dispatch
import ImmudbServer
import POSIX
import ProgramKit
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Receives SIGHUP from its creation on, in a server with a log file or TLS, or one that a service manager has started:
/// opens the log file again, which may have been renamed, and reads the certificates again, which may have been
/// replaced. The service manager hears when that is done.
final class HangUpSignal: Sendable {
    private let log: ServerLog
    private let manager: ServiceNotifier
    private let server = Mutex<ImmudbServer?>(nil)
    // Written once, by `init`. The object may be used on every thread; this only keeps it alive.
    private nonisolated(unsafe) let source: any DispatchSourceSignal

    /// Whether there is something to do at SIGHUP.
    static func hasWork(_ options: ServerOptions) -> Bool {
        options.mutualTLS.isOn || !options.process.logFile.isEmpty
    }

    init(log: ServerLog, manager: ServiceNotifier) {
        self.log = log
        self.manager = manager
        signal(SIGHUP, SIG_IGN)
        source = DispatchSource.makeSignalSource(
            signal: SIGHUP, queue: DispatchQueue(label: "immudb.hang-up"))
        source.setEventHandler { [unowned self] in received() }
        source.activateAndWait()
    }

    /// The server whose certificates are read again from now on.
    func serve(_ server: ImmudbServer) { self.server.withLock { $0 = server } }

    /// The server stops: a hang-up does nothing to it from now on, and tells the service manager nothing of it.
    func stopServing() { server.withLock { $0 = nil } }

    /// What a service manager shows of a server.
    static func status(of server: ImmudbServer) -> String {
        "Serves \(hostAndPort(server.options.address, server.options.port))"
    }

    private func received() {
        // Before the server serves, it is not for this to say that it does.
        let server = server.withLock { $0 }
        if server != nil { manager.tell(.reloading) }
        defer { if let server { manager.tell(.ready(Self.status(of: server))) } }
        do throws(ServerStartError) {
            try log.reopenFile()
            log.info("caught SIGHUP")
        } catch {
            log.error("caught SIGHUP, and the log stays in its old file: \(error)")
        }
        server?.reloadCertificates()
    }
}
