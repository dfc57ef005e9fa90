public import StorageIO

/// The levels of the log, as operators write them.
public enum LogLevelWord: String, CaseIterable, Sendable {
    case error, warn, info, debug

    public init(_ level: LogLevel) {
        switch level {
        case .error: self = .error
        case .warning: self = .warn
        case .info: self = .info
        case .debug: self = .debug
        }
    }

    public var level: LogLevel {
        switch self {
        case .error: .error
        case .warn: .warning
        case .info: .info
        case .debug: .debug
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

    /// - Parameter word: the value of the environment variable `LOG_LEVEL`: error, warn, info or
    ///   debug in any case. The result is nil for anything else.
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
