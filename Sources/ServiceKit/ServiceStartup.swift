import POSIX
import ProgramKit
import StorageIO

/// The merged and checked settings of a start that concern the process.
struct ServiceStartup {
    let values: SettingsValues
    /// Warnings to log when the log is open.
    let warnings: [String]
    private let settings: ServiceSettings
    private let logLevel: LogLevel

    var isDetached: Bool { values[settings.detached] }
    /// The path of the log file; empty for the standard error.
    var logFile: String { values[settings.logFile] }

    init(_ sources: SettingsSources, _ settings: ServiceSettings) throws(SettingsError) {
        self.settings = settings
        values = try sources.values()
        try Self.checkFiles(pid: values[settings.pidFile], log: values[settings.logFile])

        var warnings = values.warnings
        let word = sources.environment["LOG_LEVEL"] ?? ""
        logLevel = Self.logLevel(values, settings.logLevel, word)
        if !word.isEmpty, LogLevel(word: word) == nil {
            warnings.append(
                "LOG_LEVEL is \"\(word)\", none of error, warn, info and debug: "
                    + "\(LogLevelWord(logLevel)) is taken")
        }
        self.warnings = warnings
    }

    /// - Parameter word: the value of LOG_LEVEL, the variable of earlier releases. It takes precedence over a config
    ///   file, like all variables, but not over the setting's own variable and flag.
    private static func logLevel(
        _ values: SettingsValues, _ setting: Setting<LogLevelWord>, _ word: String
    ) -> LogLevel {
        switch values.source(of: setting) {
        case .flag, .variable: return values[setting].level
        case .file, nil: return LogLevel(word: word) ?? values[setting].level
        }
    }

    private static func checkFiles(pid: String, log: String) throws(SettingsError) {
        guard !pid.isEmpty, !log.isEmpty, PathTarget.areOne(pid, log) else { return }
        throw SettingsError("pid file \(pid) and log file \(log) are one file: name two")
    }

    /// Opens the log file, or the standard error if there is no log file.
    func openLog() throws(LogOpenError) -> ServerLog {
        let format = values[settings.logFormat]
        return logFile.isEmpty
            ? try .standardError(program: settings.errorOutputName, level: logLevel, format: format)
            : try .file(logFile, program: settings.program, level: logLevel, format: format)
    }

    /// Takes the pid file; returns nil if the settings name none.
    func takePidFile() throws(DaemonError) -> PidFile? {
        let path = values[settings.pidFile]
        return path.isEmpty ? nil : try PidFile(path, program: settings.program)
    }
}
