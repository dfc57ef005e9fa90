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
        let level = LogLevel(word: word)
        if level == nil, !word.isEmpty {
            warnings.append(
                "LOG_LEVEL is \"\(word)\", none of error, warn, info and debug: info is taken")
        }
        logLevel = level ?? .info
        self.warnings = warnings
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
            ? try .standardError(level: logLevel) : try .file(path, level: logLevel)
    }

    /// nil if none is asked for.
    func takePidFile() throws(DaemonError) -> PidFile? {
        let path = options.process.pidFile
        return path.isEmpty ? nil : try PidFile(path, program: ImmudbSettings.definition.program)
    }
}
