import Dispatch
import StorageIO

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Changes the log level of a running server: SIGUSR1 by one level towards debug, SIGUSR2 by one towards error. Both
/// log the new level.
final class LevelSignals: Sendable {
    // Written once, by `init`. The objects may be used on every thread; this only keeps them alive.
    private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

    init(log: ServerLog) {
        // One serial queue, so that each change starts from the result of the previous one.
        let queue = DispatchQueue(label: "service.level")
        sources = [(SIGUSR1, "SIGUSR1", -1), (SIGUSR2, "SIGUSR2", 1)].map { number, name, step in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                let (old, new) = (log.level, LogLevel(rawValue: log.level.rawValue + step))
                if let new { log.level = new }
                let word = LogLevelWord(new ?? old)
                // Logged even at the level error, so that the operator knows that the signal was
                // handled.
                log.always(
                    .info,
                    "caught \(name): the log's level is \(new == nil ? "still" : "now") \(word)")
            }
            source.activateAndWait()
            return source
        }
    }
}
