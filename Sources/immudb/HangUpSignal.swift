import Dispatch
import ImmudbServer
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Receives SIGHUP from its creation on, in a server with a log file or TLS: opens the log file again, which may
/// have been renamed, and reads the certificates again, which may have been replaced.
final class HangUpSignal: Sendable {
    private let log: ServerLog
    private let server = Mutex<ImmudbServer?>(nil)
    // Written once, by `init`. The object may be used on every thread; this only keeps it alive.
    private nonisolated(unsafe) let source: any DispatchSourceSignal

    /// Whether there is something to do at SIGHUP.
    static func hasWork(_ options: ServerOptions) -> Bool {
        options.mutualTLS.isOn || !options.process.logFile.isEmpty
    }

    init(log: ServerLog) {
        self.log = log
        signal(SIGHUP, SIG_IGN)
        source = DispatchSource.makeSignalSource(
            signal: SIGHUP, queue: DispatchQueue(label: "immudb.hang-up"))
        source.setEventHandler { [unowned self] in received() }
        source.activateAndWait()
    }

    /// The server whose certificates are read again from now on.
    func serve(_ server: ImmudbServer) { self.server.withLock { $0 = server } }

    private func received() {
        do throws(ServerStartError) {
            try log.reopenFile()
            log.info("caught SIGHUP")
        } catch {
            log.error("caught SIGHUP, and the log stays in its old file: \(error)")
        }
        server.withLock { $0 }?.reloadCertificates()
    }
}
