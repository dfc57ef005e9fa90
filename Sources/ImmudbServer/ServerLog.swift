public import ImmudbStore

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Lines for the operator: `immu-server 2026/11/22 20:54:52 INFO: message`, in local time.
///
/// Each line is one write to the standard error, so lines of several threads do not mix. Control
/// characters in a message, which may come from a client, are escaped: nobody forges a line.
public struct ServerLog: Sendable {
    /// The least important level that is written.
    public let level: LogLevel
    private let write: @Sendable (String) -> Void

    /// - Parameter write: takes one line without its end; called from any thread.
    public init(level: LogLevel, write: @escaping @Sendable (String) -> Void) {
        self.level = level
        self.write = write
    }

    /// The log of the process, on its standard error.
    ///
    public static func standardError(level: LogLevel) -> ServerLog {
        ServerLog(level: level) { line in
            let bytes = Array("immu-server \(line)\n".utf8)
            // A standard error that nobody reads must not stop a server.
            _ = systemWrite(STDERR_FILENO, bytes)
        }
    }

    public func error(_ message: @autoclosure () -> String) { log(.error, message()) }
    public func warning(_ message: @autoclosure () -> String) { log(.warning, message()) }
    public func info(_ message: @autoclosure () -> String) { log(.info, message()) }
    public func debug(_ message: @autoclosure () -> String) { log(.debug, message()) }

    public func log(_ level: LogLevel, _ message: @autoclosure () -> String) {
        guard level >= self.level else { return }
        write("\(Self.localTime()) \(level.name): \(Self.escaped(message()))")
    }

    /// `2026/11/22 20:54:52`
    private static func localTime() -> String {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let date = [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday].map(padded)
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map(padded)
        return date.joined(separator: "/") + " " + clock.joined(separator: ":")
    }

    private static func escaped(_ message: String) -> String {
        func isControl(_ scalar: Unicode.Scalar) -> Bool {
            scalar.properties.generalCategory == .control
        }
        guard message.unicodeScalars.contains(where: isControl) else { return message }
        var escaped = ""
        for scalar in message.unicodeScalars {
            if isControl(scalar) {
                escaped += scalar.escaped(asASCII: true)
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension LogLevel {
    fileprivate var name: String {
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
