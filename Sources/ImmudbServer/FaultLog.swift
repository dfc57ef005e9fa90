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
    private let log: ServerLog
    private let state = Mutex(State())
    private let start = ContinuousClock.now

    init(_ log: ServerLog) {
        self.log = log
    }

    /// Logs a line, unless enough of its kind were logged in this second; the last one of a second says so.
    func report(_ kind: String, _ fault: @autoclosure () -> String) {
        let second = start.duration(to: .now).components.seconds
        let number = state.withLock { state in
            if state.second != second { state = State(second: second) }
            state.counts[kind, default: 0] += 1
            return state.counts[kind, default: 0]
        }
        guard number <= Self.linesPerSecond else { return }
        let isLast = number == Self.linesPerSecond
        log.error(fault() + (isLast ? " (further errors of this second are not logged)" : ""))
    }
}
