import ArgumentParser
import ClientKit
import Foundation
import ImmudbAuditor
import ImmudbClient
import ProgramKit
import ServiceKit

struct AuditModeCommand: ImmuclientCommand, FlaggedCommand, CommandWithSettings {
    static let configuration = CommandConfiguration.command(
        "audit-mode", abstract: "Audit the server: watch its history, and read what it has.",
        discussion: """
            Without an action, or with run, it audits until it is stopped: in each round it checks that the server's tree \
            continues the one that it trusted before, and reads entries, each verified: some at random, and all within \
            --audit-period. start does so in the background, stop ends that, status says what it found. run --once makes one \
            round and ends with 0 if all holds, 3 if something does not, 5 if there is no answer. In --dir it keeps its own \
            trusted root, evidence, and a log of the roots that it saw, signed by a key of its own. To have it as a \
            service: immuadmin service auditor install. The variable audit-agent-interval is read as by the original.
            """)
    static let settings = AuditSettings.all

    enum Action: String, CaseIterable, ExpressibleByArgument {
        case start, stop, restart, status, run, help
        // The original's, which immuadmin does here.
        case install, uninstall
    }

    @Argument(
        help: ArgumentHelp(
            "What to do: start, stop, restart, status, run or help.", valueName: "action"),
        completion: .list(["start", "stop", "restart", "status", "run", "help"]))
    var action: Action?

    @Flag(name: .customLong("once"), help: "With run: make one round, and end.")
    var once = false

    private enum CodingKeys: CodingKey { case action, once }

    func validate() throws {
        if once, action != .run {
            throw ValidationError("--once goes with run: audit-mode run --once")
        }
    }

    mutating func prepare(_ input: StandardInput) throws {
        guard input == .value else {
            throw ToolError("audit-mode is not for the shell: run it by itself", code: "Usage")
        }
    }

    func run(in context: CommandContext) async throws {
        do {
            try await perform(context)
        } catch let error as AuditorError {
            throw AuditorFailure(cause: error)
        }
    }

    private func perform(_ context: CommandContext) async throws {
        switch action {
        case .help:
            try context.output.write(Immuclient.helpReport(for: Self.self, all: false))
        case .install, .uninstall:
            let verb = action?.rawValue ?? ""
            throw ToolError("as a service: immuadmin service auditor \(verb)", code: "Usage")
        case .run where once: try await runOnce(context)
        case .run, nil: try await serve(context.sources, context)
        case .start: try await serve(background(context), context)
        case .restart:
            // The child of a start that detaches comes here a second time.
            if DetachedProcess.current == nil { try await stop(context, isRequired: false) }
            try await serve(background(context), context)
        case .stop: try await stop(context, isRequired: true)
        case .status:
            try await context.output.write(AuditStatusReport(status: status(context)))
        }
    }

    // MARK: in this process

    private func runOnce(_ context: CommandContext) async throws {
        let values = try context.sources.values()
        let options = try AuditorOptions(
            values, context.settings, environment: context.sources.environment)
        let file = values[AuditSettings.service.logFile]
        let level = values[AuditSettings.service.logLevel].level
        let log =
            file.isEmpty
            ? ServerLog(level: level) { _ in }
            : try .file(
                file, program: Immuclient.name, level: level,
                format: values[AuditSettings.service.logFormat])
        let auditor = try await Auditor.open(options, log: log.logger(of: "auditor"))
        let report = await auditor.round()
        await auditor.close()
        log.flush(within: .seconds(1))
        guard let report else { throw CancellationError() }
        try context.output.write(AuditRoundReport(report: report), failing: report.failure)
    }

    @MainActor
    private func serve(_ sources: SettingsSources, _ context: CommandContext) async throws {
        let settings = context.settings
        do {
            let code = try await ServiceProcess.run(sources, AuditSettings.service) {
                values throws(SettingsError) in
                AuditorService(
                    try AuditorOptions(values, settings, environment: sources.environment),
                    host: values[AuditSettings.prometheusHost],
                    port: values[AuditSettings.prometheusPort])
            }
            guard code == EXIT_SUCCESS else { throw ToldFailure(exitCode: .failed) }
        } catch {
            // The process that waits for this one says it.
            DetachedProcess.current?.report(failure: "\(error)")
            throw error
        }
    }

    // MARK: in the background

    /// The sources with what a process in the background needs: its log and pid file, unless they were named.
    private func background(_ context: CommandContext) throws -> SettingsSources {
        let values = try context.sources.values()
        let service = AuditSettings.service
        let directory = AuditorOptions.directory(values, context.sources.environment)
        try makeFolder(directory)
        var flags = [service.detached.key: "true", service.pidFile.key: pidFile(values, context)]
        if values[service.logFile].isEmpty {
            flags[service.logFile.key] = "\(directory)/auditor-process.log"
        }
        return context.sources.adding(flags: flags)
    }

    private func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw ToolError("cannot make the folder \(path): \(error.localizedDescription)")
        }
    }

    private func pidFile(_ values: SettingsValues, _ context: CommandContext) -> String {
        let named = values[AuditSettings.service.pidFile]
        guard named.isEmpty else { return named }
        return "\(AuditorOptions.directory(values, context.sources.environment))/auditor.pid"
    }

    private func stop(_ context: CommandContext, isRequired: Bool) async throws {
        let path = pidFile(try context.sources.values(), context)
        guard let process = try RunningProgram(pidFile: path) else {
            guard isRequired else { return }
            throw ToolError(
                "the auditor does not run: \(path) is not that of a running one", code: "NotRunning"
            )
        }
        guard try await process.stop(within: .seconds(20)) else {
            throw ToolError("the auditor, process \(process.id), has not stopped within 20 seconds")
        }
        try context.output.write(
            LineReport("auditor stopped", json: ["stopped": .truth(true)]))
    }

    private func status(_ context: CommandContext) async throws -> AuditStatus {
        let values = try context.sources.values()
        let directory = AuditorOptions.directory(values, context.sources.environment)
        return AuditStatus(
            process: try RunningProgram(pidFile: pidFile(values, context))?.id,
            record: try await AuditRecord.read(directory))
    }
}
