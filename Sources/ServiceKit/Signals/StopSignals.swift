import Dispatch
import POSIX
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Receives SIGTERM and SIGINT from its creation on, and SIGHUP where that has nothing else to do. The first one stops
/// the server; later ones are ignored.
///
/// If the server is still starting, the first one cancels the start, and a second ends the process at once.
/// That loses nothing: the next start goes on from there.
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
    ///   - stopsOnHangUp: whether SIGHUP stops the server as well. One that was started so that it is
    ///     ignored, as nohup does, stays ignored.
    ///   - cancelStart: stops a start.
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

    /// Returns when the first signal has come.
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
    /// Until the source is registered, a signal that is ignored is lost.
    func activateAndWait() {
        let isRegistered = DispatchSemaphore(value: 0)
        setRegistrationHandler { isRegistered.signal() }
        activate()
        isRegistered.wait()
    }
}

/// Whether the process ignores a signal.
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
