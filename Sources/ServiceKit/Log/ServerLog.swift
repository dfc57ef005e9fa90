public import StorageIO
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Lines for the operator: `immu-server 2026/11/22 20:54:52 INFO: message`, in local time; or objects of JSON.
///
/// A server takes its ``logger``. A log of `standardError` or `file` never makes its caller wait: lines go
/// into a queue of 1 MiB, and one thread writes them (`LogWriter`). If they come faster than the file takes
/// them, lines are dropped, and the log says how many. A line costs its caller its message and a place in the
/// queue; a line below the level costs a comparison.
///
/// Control characters in a message, which may come from a client, are escaped: nobody forges a line. So are
/// those that turn the direction of writing.
public struct ServerLog: Sendable {
    private enum Target: Sendable {
        case function(@Sendable (String) -> Void)
        case writer(LogWriter)
    }

    private final class SharedLevel: Sendable {
        let rawValue: Atomic<Int>
        init(_ level: LogLevel) { rawValue = Atomic(level.rawValue) }
    }

    private let target: Target
    private let sharedLevel: SharedLevel
    let format: LogFormat
    /// Where the log file is, to open it again; nil for a log without a file.
    let file: LogFilePlace?

    /// The least important level that is written. All copies of the log, and its loggers, have a new one at once.
    public var level: LogLevel {
        get { LogLevel(rawValue: sharedLevel.rawValue.load(ordering: .relaxed)) ?? .info }
        nonmutating set { sharedLevel.rawValue.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// A log that calls a function for each line.
    ///
    /// - Parameter write: takes one line without its end; called from any thread, which waits for it.
    public init(
        level: LogLevel, format: LogFormat = .text, write: @escaping @Sendable (String) -> Void
    ) {
        sharedLevel = SharedLevel(level)
        self.format = format
        target = .function(write)
        file = nil
    }

    init(level: LogLevel, format: LogFormat, writer: LogWriter, file: LogFilePlace? = nil) {
        sharedLevel = SharedLevel(level)
        self.format = format
        target = .writer(writer)
        self.file = file
    }

    /// The log of the process, on its standard error.
    ///
    /// - Parameter program: the first word of each line of text.
    /// - Throws: `LogOpenError` if the system has no thread for it.
    public static func standardError(
        program: String, level: LogLevel, format: LogFormat = .text
    ) throws(LogOpenError) -> ServerLog {
        let writer = try LogWriter(
            to: STDERR_FILENO, LineFormatter(format, program: program), closesFile: false)
        return ServerLog(level: level, format: format, writer: writer)
    }

    // The lines of the program itself; those of what it serves come by `logger`.

    public func error(_ message: @autoclosure () -> String) { log(.error, message()) }
    public func warning(_ message: @autoclosure () -> String) { log(.warning, message()) }
    public func info(_ message: @autoclosure () -> String) { log(.info, message()) }
    public func debug(_ message: @autoclosure () -> String) { log(.debug, message()) }

    public func log(_ level: LogLevel, _ message: @autoclosure () -> String) {
        guard level >= self.level else { return }
        always(level, message())
    }

    /// Writes a line whatever the level is, such as one about the level itself.
    public func always(_ level: LogLevel, _ message: String) {
        write(LogLine(level, message, fields: [LogLine.Field(name: "component", value: "program")]))
    }

    func write(_ line: LogLine) {
        switch target {
        case .function(let write): write(format == .text ? line.text : line.json)
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
