public import ImmudbStore

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Lines for the operator: `immu-server 2026/11/22 20:54:52 INFO: message`, in local time.
///
/// A log of `standardError` or `file` never makes its caller wait: lines go into a queue of 1 MiB,
/// and one thread writes them (`LogWriter`). If they come faster than the file takes them, lines are
/// dropped, and the log says how many. A line costs its caller its message and a place in the
/// queue; a line below the level costs a comparison.
///
/// Control characters in a message, which may come from a client, are escaped: nobody forges a line.
public struct ServerLog: Sendable {
    private enum Target: Sendable {
        case function(@Sendable (String) -> Void)
        case writer(LogWriter)
    }

    /// The least important level that is written.
    public let level: LogLevel
    private let target: Target
    /// Where the log file is, to open it again; nil for a log without a file.
    let file: LogFilePlace?

    /// A log that calls a function for each line.
    ///
    /// - Parameter write: takes one line without its end; called from any thread, which waits for it.
    public init(level: LogLevel, write: @escaping @Sendable (String) -> Void) {
        self.level = level
        target = .function(write)
        file = nil
    }

    init(level: LogLevel, writer: LogWriter, file: LogFilePlace? = nil) {
        self.level = level
        target = .writer(writer)
        self.file = file
    }

    /// The log of the process, on its standard error.
    ///
    /// - Throws: `ServerStartError` if the system has no thread for it.
    public static func standardError(level: LogLevel) throws(ServerStartError) -> ServerLog {
        let writer = try LogWriter(to: STDERR_FILENO, program: "immu-server", closesFile: false)
        return ServerLog(level: level, writer: writer)
    }

    public func error(_ message: @autoclosure () -> String) { log(.error, message()) }
    public func warning(_ message: @autoclosure () -> String) { log(.warning, message()) }
    public func info(_ message: @autoclosure () -> String) { log(.info, message()) }
    public func debug(_ message: @autoclosure () -> String) { log(.debug, message()) }

    public func log(_ level: LogLevel, _ message: @autoclosure () -> String) {
        guard level >= self.level else { return }
        let line = LogLine(level, message())
        switch target {
        case .function(let write): write(line.text)
        case .writer(let writer): writer.put(line)
        }
    }

    /// Waits until the lines so far are written. For the end of a process, whose lines would be lost
    /// with it.
    ///
    /// - Returns: false if the time was not enough.
    @discardableResult
    public func flush(within time: Duration) -> Bool {
        switch target {
        case .function: true
        case .writer(let writer): writer.flush(within: time)
        }
    }

    /// Lines that were dropped, and lines that the file refused, since the log was opened.
    public var lostLineCount: Int {
        switch target {
        case .function: 0
        case .writer(let writer): writer.lostLineCount
        }
    }
}

extension LogLevel {
    var name: String {
        switch self {
        case .error: "ERROR"
        case .warning: "WARNING"
        case .info: "INFO"
        case .debug: "DEBUG"
        }
    }

    /// - Parameter word: of the environment variable `LOG_LEVEL`: error, warn, info or debug in
    ///   any case; nil for anything else.
    public init?(word: String) {
        switch word.lowercased() {
        case "error": self = .error
        case "warn": self = .warning
        case "info": self = .info
        case "debug": self = .debug
        default: return nil
        }
    }
}

/// A key for a line of the log: text where it is text. Long ones are cut.
func printable(_ key: some Collection<UInt8>) -> String {
    let shown = key.prefix(64)
    return String(decoding: shown, as: UTF8.self) + (shown.count < key.count ? "…" : "")
}
