public import StorageIO
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A log for the operator: lines such as `immu-server 2026/11/22 20:54:52 INFO: message`, in local time; or JSON
/// objects.
///
/// A server takes its ``logger``. With `standardError` or `file`, callers never wait: lines go into a queue of 1 MiB,
/// and one thread writes them (`LogWriter`). If they come faster than the file accepts them, lines are dropped, and
/// the log says how many. A line costs its caller the message and a position in the queue; a line below the level
/// costs a comparison.
///
/// Control characters in a message, which may come from a client, are escaped, so that nobody can forge a line. So
/// are characters that change the writing direction.
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
    /// The log file, for opening it again; nil for a log without a file.
    let file: LogFilePlace?

    /// The least important level that is written. A change applies to all copies of the log and its loggers at once.
    public var level: LogLevel {
        get { LogLevel(rawValue: sharedLevel.rawValue.load(ordering: .relaxed)) ?? .info }
        nonmutating set { sharedLevel.rawValue.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Makes a log that calls a function for each line.
    ///
    /// - Parameter write: takes one line without its line end; called on the thread of the caller, which waits for
    ///   it.
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

    /// Returns a log on the standard error.
    ///
    /// - Parameter program: the first word of each line of text.
    /// - Throws: `LogOpenError` if no thread can be created.
    public static func standardError(
        program: String, level: LogLevel, format: LogFormat = .text
    ) throws(LogOpenError) -> ServerLog {
        let writer = try LogWriter(
            to: STDERR_FILENO, LineFormatter(format, program: program), closesFile: false)
        return ServerLog(level: level, format: format, writer: writer)
    }

    // The lines of the program itself. Its service logs through `logger`.

    public func error(_ message: @autoclosure () -> String) { log(.error, message()) }
    public func warning(_ message: @autoclosure () -> String) { log(.warning, message()) }
    public func info(_ message: @autoclosure () -> String) { log(.info, message()) }
    public func debug(_ message: @autoclosure () -> String) { log(.debug, message()) }

    public func log(_ level: LogLevel, _ message: @autoclosure () -> String) {
        guard level >= self.level else { return }
        always(level, message())
    }

    /// Writes a line at any level of the log, such as a line about the level itself.
    public func always(_ level: LogLevel, _ message: String) {
        write(LogLine(level, message, fields: [LogLine.Field(name: "component", value: "program")]))
    }

    func write(_ line: LogLine) {
        switch target {
        case .function(let write): write(format == .text ? line.text : line.json)
        case .writer(let writer): writer.put(line)
        }
    }

    /// Waits until all lines so far are written. To be called before the process exits, since
    /// waiting lines would be lost.
    ///
    /// - Returns: false if they were not written in time.
    @discardableResult
    public func flush(within time: Duration) -> Bool {
        switch target {
        case .function: true
        case .writer(let writer): writer.flush(within: time)
        }
    }

    /// The number of lines that were dropped or that the file refused since the log was opened.
    public var lostLineCount: Int {
        switch target {
        case .function: 0
        case .writer(let writer): writer.lostLineCount
        }
    }
}
