import Dispatch
import ImmudbServer
import ImmudbStore
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Receives SIGTERM and SIGINT from its creation on. The first one stops the server; later ones are ignored.
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

    /// Stops a start.
    let cancellation = Cancellation()
    private let phase = Mutex(Phase.starting)
    private let log: ServerLog
    // Dispatch's objects are safe on every thread; these are only kept alive.
    private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

    init(log: ServerLog) {
        self.log = log
        let signals = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")]
        let queue = DispatchQueue(label: "immudb.signals")
        sources = signals.map { number, _ in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: queue)
        }
        for (source, (_, name)) in zip(sources, signals) {
            source.setEventHandler { [unowned self] in received(name) }
            // Until the source is registered, a signal that is ignored is lost.
            let isRegistered = DispatchSemaphore(value: 0)
            source.setRegistrationHandler { isRegistered.signal() }
            source.activate()
            isRegistered.wait()
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
                cancellation.cancel()
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
