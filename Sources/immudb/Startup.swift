import Foundation
import ImmudbServer
import ImmudbStore
import ProgramKit

/// What the settings of a start say, merged and checked.
struct Startup {
    let options: ServerOptions
    /// For the log, once it is open.
    let warnings: [String]
    /// Whether the metrics are to be at another port than usual.
    var hasChosenMetricsPort: Bool { options.metricsPort != ServerOptions.defaultMetricsPort }
    private let logLevel: LogLevel
    private let logFormat: LogFormat

    /// A config file that was found is named on the standard output.
    init(_ sources: SettingsSources) throws(SettingsError) {
        if let announcement = sources.announcement {
            StandardFiles.write(announcement + "\n", to: STDOUT_FILENO)
        }
        let values = try sources.values()
        options = try ServerOptions(values)
        try Self.checkFiles(options.process)

        var warnings = values.warnings
        let word = sources.environment["LOG_LEVEL"] ?? ""
        logLevel = Self.logLevel(values, word)
        if !word.isEmpty, LogLevel(word: word) == nil {
            warnings.append(
                "LOG_LEVEL is \"\(word)\", none of error, warn, info and debug: "
                    + "\(LogLevelWord(logLevel)) is taken")
        }
        logFormat = values[ImmudbSettings.logFormat]
        self.warnings = warnings
    }

    /// - Parameter word: of LOG_LEVEL, the variable of earlier releases. It wins over a config file, as the
    ///   environment does, but not over the setting's own variable and flag.
    private static func logLevel(_ values: SettingsValues, _ word: String) -> LogLevel {
        let setting = ImmudbSettings.logLevel
        switch values.source(of: setting) {
        case .flag, .variable: return values[setting].level
        case .file, nil: return LogLevel(word: word) ?? values[setting].level
        }
    }

    private static func checkFiles(
        _ process: ProcessOptions
    ) throws(SettingsError) {
        let (pid, log) = (process.pidFile, process.logFile)
        guard !pid.isEmpty, !log.isEmpty, PathTarget.areOne(pid, log) else { return }
        throw SettingsError("pid file \(pid) and log file \(log) are one file: name two")
    }

    /// The log file, or the standard error if there is none.
    func openLog() throws(ServerStartError) -> ServerLog {
        let path = options.process.logFile
        return path.isEmpty
            ? try .standardError(level: logLevel, format: logFormat)
            : try .file(path, level: logLevel, format: logFormat)
    }

    /// nil if none is asked for.
    func takePidFile() throws(DaemonError) -> PidFile? {
        let path = options.process.pidFile
        return path.isEmpty ? nil : try PidFile(path, program: ImmudbSettings.definition.program)
    }
}
