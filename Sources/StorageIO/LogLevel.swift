/// How much a line of the log matters.
public enum LogLevel: Int, Comparable, Sendable {
    case debug, info, warning, error

    public static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Where the database writes what it does: opening, recovery, rebuilding of a view. Called from any
/// thread.
public typealias LogSink = @Sendable (LogLevel, String) -> Void
