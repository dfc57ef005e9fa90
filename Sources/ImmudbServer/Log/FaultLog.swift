import ImmudbStore
import Logging
import Synchronization

/// Errors of the server's own, in the log, but not more than an operator can read: with a full disk
/// every write fails, and its lines must not fill what is left. Each kind of error has lines of its own, so
/// that a frequent one hides no other.
final class FaultLog: Sendable {
    private struct State {
        var second: Int64 = 0
        /// Of each kind.
        var counts: [String: Int] = [:]
    }

    private static let linesPerSecond = 10
    private let log: Logger
    private let state = Mutex(State())
    private let start = ContinuousClock.now

    init(_ log: Logger) {
        self.log = log
    }

    /// Logs a line, unless enough of its kind were logged in this second; the last one of a second says so.
    func report(
        _ kind: String, _ fault: @autoclosure () -> String,
        _ fields: @autoclosure () -> Logger.Metadata = [:]
    ) {
        let second = start.duration(to: .now).components.seconds
        let number = state.withLock { state in
            if state.second != second { state = State(second: second) }
            state.counts[kind, default: 0] += 1
            return state.counts[kind, default: 0]
        }
        guard number <= Self.linesPerSecond else { return }
        let isLast = number == Self.linesPerSecond
        let rest = isLast ? " (further errors of this second are not logged)" : ""
        log.error("\(fault())\(rest)", metadata: fields())
    }

    /// Logs what the server itself is to blame for.
    func report(_ refusal: Refusal, of call: some LoggedCall) {
        guard let fault = refusal.fault else { return }
        report(
            (fault as? StoreError)?.code.rawValue ?? "other", "\(call.method): \(fault)",
            Logger.Metadata(call))
    }
}
