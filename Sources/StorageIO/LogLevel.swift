/// The severity of a log line.
public enum LogLevel: Int, Comparable, Sendable {
    case debug, info, warning, error

    public static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Receives the database's log lines: about opening, recovery, rebuilding of a view. Called from any thread.
public typealias LogSink = @Sendable (LogLevel, String) -> Void
