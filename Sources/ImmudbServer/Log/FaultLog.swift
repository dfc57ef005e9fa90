import ImmudbStore
import Logging
import Synchronization

/// Logs errors of the server itself, at a limited rate: with a full disk every write fails, and their lines must not
/// fill the rest of it. Each kind of error has its own limit, so that a frequent one does not hide another.
final class FaultLog: Sendable {
    private struct State {
        var second: Int64 = 0
        /// The number of lines of each kind.
        var counts: [String: Int] = [:]
    }

    private static let linesPerSecond = 10
    private let log: Logger
    private let state = Mutex(State())
    private let start = ContinuousClock.now

    init(_ log: Logger) {
        self.log = log
    }

    /// Logs a line, unless the limit of its kind is reached in this second; the last line before that says so.
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

    /// Logs an error that the server itself caused.
    func report(_ refusal: Refusal, of call: some LoggedCall) {
        guard let fault = refusal.fault else { return }
        report(
            (fault as? StoreError)?.code.rawValue ?? "other", "\(call.method): \(fault)",
            Logger.Metadata(call))
    }
}
