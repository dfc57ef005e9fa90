public import ProgramKit

/// The settings that all programs that serve share, for their process and their log.
public struct ServiceSettings: Sendable {
    public let detached: Setting<Bool>
    public let logFile: Setting<String>
    public let logFormat: Setting<LogFormat>
    public let logLevel: Setting<LogLevelWord>
    public let pidFile: Setting<String>
    /// The first word of each line of text in the log file.
    let program: String
    /// The first word of each line of text on the standard error.
    let errorOutputName: String

    /// - Parameters:
    ///   - program: the program's name.
    ///   - errorOutputName: the first word of the log's lines on the standard error.
    public init(program: String, errorOutputName: String) {
        self.program = program
        self.errorOutputName = errorOutputName
        detached = Setting(
            "detached", short: "d", .boolean, default: false,
            "run \(program) in background; returns when it serves")
        logFile = Setting(
            "logfile", .optionalFile, default: "",
            "log path with filename, e.g. /tmp/\(program)/\(program).log")
        logFormat = Setting(
            "log-format", .word(of: LogFormat.self), default: .text,
            "how lines of the log look: text, or json with a time in UTC, the client and the call")
        logLevel = Setting(
            "log-level", .word(of: LogLevelWord.self), default: .info,
            "how much is logged: error, warn, info or debug, a line a call; wins over LOG_LEVEL")
        pidFile = Setting(
            "pidfile", .optionalFile, default: "",
            "pid path with filename, e.g. /var/run/\(program).pid")
    }
}
