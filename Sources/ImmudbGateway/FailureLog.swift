import Logging
import Synchronization

/// Logs failures that immudb causes, at a limited rate: a server that lies in each answer must not fill the disk.
/// Each kind of failure has its own limit, so that a frequent one does not hide another.
final class FailureLog: Sendable {
    private struct Window {
        var start: ContinuousClock.Instant
        var lineCount = 0
    }

    private let log: Logger
    /// The windows by kind of failure.
    private let windows = Mutex<[String: Window]>([:])

    init(_ log: Logger) { self.log = log }

    /// Logs a line, unless the limit of its kind is reached; the last line before that says so.
    func report(
        _ kind: String, _ failure: String, atMost lineCount: Int = 10,
        every time: Duration = .seconds(1)
    ) {
        let now = ContinuousClock.now
        let number = windows.withLock { windows in
            var window = windows[kind] ?? Window(start: now)
            if now - window.start >= time { window = Window(start: now) }
            window.lineCount += 1
            windows[kind] = window
            return window.lineCount
        }
        guard number <= lineCount else { return }
        let rest = number == lineCount ? " (more of this kind are not logged for \(time))" : ""
        log.error("\(failure)\(rest)")
    }

    /// Logs, at most once a minute, that the server is not the trusted one.
    func reportServerChange(_ message: String) {
        report(GatewayMetric.serverChange, message.shortened, atMost: 1, every: .seconds(60))
    }
}

extension String {
    /// The text, or its beginning if it is long, since it may come from others.
    var shortened: String {
        let byteLimit = 1_024
        guard utf8.count > byteLimit else { return self }
        var end = utf8.index(startIndex, offsetBy: byteLimit)
        // Do not cut in the middle of a character.
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil {
            end = utf8.index(before: end)
        }
        return self[..<end] + "…"
    }
}
