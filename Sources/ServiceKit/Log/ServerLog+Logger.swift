public import Logging
import StorageIO

extension ServerLog {
    /// A swift-log `Logger` that writes to this log, for a server or any other library that takes one.
    ///
    /// Its level follows this log's level, unless it is set.
    public var logger: Logger {
        Logger(label: "service", factory: { _ in ServerLogHandler(self) })
    }

    /// Returns a logger for one part of a program, which its lines name in the field `component`.
    public func logger(of component: String) -> Logger {
        var logger: Logger = self.logger
        logger[metadataKey: "component"] = "\(component)"
        return logger
    }
}

/// Writes the messages of a `Logger` to a ``ServerLog``. Metadata become a line's fields.
struct ServerLogHandler: LogHandler {
    private let log: ServerLog
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(_ log: ServerLog) { self.log = log }

    var logLevel: Logger.Level {
        get { ownLevel ?? Logger.Level(log.level) }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        log.write(
            LogLine(
                LogLevel(event.level), event.message.description,
                fields: log.format == .text ? [] : fields(of: event)))
    }

    /// Returns the fields, ordered by name.
    private func fields(of event: LogEvent) -> [LogLine.Field] {
        var all = metadata
        if let more = metadataProvider?.get() { all.merge(more) { $1 } }
        if let more = event.metadata { all.merge(more) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        return all.sorted { $0.key < $1.key }.map {
            LogLine.Field(name: $0.key, value: "\($0.value)")
        }
    }
}

extension LogLevel {
    /// Maps a level to the nearest of the four levels here.
    init(_ level: Logger.Level) {
        switch level {
        case .trace, .debug: self = .debug
        case .info, .notice: self = .info
        case .warning: self = .warning
        case .error, .critical: self = .error
        }
    }
}

extension Logger.Level {
    init(_ level: LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}
