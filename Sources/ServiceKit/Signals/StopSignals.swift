import Dispatch
import POSIX
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Handles SIGTERM and SIGINT, and SIGHUP if it has no other use. The first signal stops the server; later ones are
/// ignored.
///
/// If the server is still starting, the first signal cancels the start, and the second ends the process at once. That
/// loses nothing: the next start continues the work.
final class StopSignals: Sendable {
    private enum Phase {
        case starting
        case stopAfterStart
        case serving(CheckedContinuation<Void, Never>)
        case stopping
    }

    private let phase = Mutex(Phase.starting)
    private let log: ServerLog
    private let cancelStart: @Sendable () -> Void
    // Written once, by `init`. The objects may be used on every thread; this only keeps them alive.
    private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

    /// - Parameters:
    ///   - stopsOnHangUp: whether SIGHUP stops the server as well. If it was ignored at the start, as with nohup, it
    ///     stays ignored.
    ///   - cancelStart: cancels the start.
    init(
        log: ServerLog, stopsOnHangUp: Bool = false,
        cancelStart: @escaping @Sendable () -> Void = {}
    ) {
        self.log = log
        self.cancelStart = cancelStart
        var signals = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")]
        if stopsOnHangUp, !isIgnored(SIGHUP) { signals.append((SIGHUP, "SIGHUP")) }
        let queue = DispatchQueue(label: "service.signals")
        sources = signals.map { number, _ in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: queue)
        }
        for (source, (_, name)) in zip(sources, signals) {
            source.setEventHandler { [unowned self] in received(name) }
            source.activateAndWait()
        }
    }

    /// Returns when the first signal has arrived.
    func first() async {
        await withCheckedContinuation { continuation in
            phase.withLock { phase in
                switch phase {
                case .starting:
                    phase = .serving(continuation)
                case .stopAfterStart, .serving, .stopping:
                    phase = .stopping
                    continuation.resume()
                }
            }
        }
    }

    private func received(_ name: String) {
        phase.withLock { phase in
            switch phase {
            case .starting:
                log.info("caught \(name)")
                phase = .stopAfterStart
                cancelStart()
            case .stopAfterStart:
                log.info("caught \(name) again before the server had started")
                log.flush(within: .milliseconds(500))
                _exit(1)
            case .serving(let continuation):
                log.info("caught \(name)")
                phase = .stopping
                continuation.resume()
            case .stopping:
                log.info("caught \(name) again: already stopping")
            }
        }
    }
}

extension DispatchSourceSignal {
    /// Activates the source and waits until it is registered: until then a signal would be lost.
    func activateAndWait() {
        let isRegistered = DispatchSemaphore(value: 0)
        setRegistrationHandler { isRegistered.signal() }
        activate()
        isRegistered.wait()
    }
}

/// Returns whether the process ignores a signal.
private func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    #if canImport(Darwin)
        let handler = action.__sigaction_u.__sa_handler
    #else
        let handler = action.__sigaction_handler.sa_handler
    #endif
    return isIgnoring(handler)
}
