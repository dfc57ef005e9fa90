import Dispatch
import Foundation
import POSIX

/// While this object exists, runs a function before Ctrl-C, SIGTERM, SIGHUP or SIGQUIT ends the process.
///
/// A signal that is ignored, as under nohup, stays ignored.
package final class EndingSignals {
    private typealias Handler = @convention(c) (Int32) -> Void

    private var watches: [(source: any DispatchSourceSignal, number: Int32, previous: Handler?)] =
        []

    /// - Parameter clean: runs on a thread of its own; then the signal ends the process.
    package init(before clean: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "ending.signals")
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            // In the shell, Ctrl-C ends the command, which then cleans up as after any failure.
            if number == SIGINT, Interruption.isWatching { continue }
            let previous = signal(number, SIG_IGN)
            if isIgnoring(previous) { continue }
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                clean()
                signal(number, SIG_DFL)
                // Raised on this thread: if the process received the signal, this watch might catch it again.
                var own = sigset_t()
                sigemptyset(&own)
                sigaddset(&own, number)
                pthread_sigmask(SIG_UNBLOCK, &own, nil)
                raise(number)
            }
            // Until the source is registered, an ignored signal would be lost.
            let isRegistered = DispatchSemaphore(value: 0)
            source.setRegistrationHandler { isRegistered.signal() }
            source.activate()
            isRegistered.wait()
            watches.append((source, number, previous))
        }
    }

    deinit {
        for (source, number, previous) in watches {
            source.cancel()
            signal(number, previous)
        }
    }
}
