// The operator's tool. Read this file first: settings and connection are in Server/, what it does for users in Users/,
// the other commands in Commands/.

import ArgumentParser
import ClientKit
import ImmudbClient
import ProgramKit

/// The operator's tool: its commands, and what its help says.
@main
struct Immuadmin: ClientProgram {
    static let definition = AdminSettings.definition
    static let version = ImmudbClient.version
    static let commands = [
        CommandGroup(
            name: "Users",
            subcommands: [
                LoginCommand.self, LogoutCommand.self, UserCommand.self, AuditLogCommand.self,
            ]),
        CommandGroup(
            name: "Server",
            subcommands: [
                StatusCommand.self, StatsCommand.self, BackupCommand.self, RestoreCommand.self,
                DumpCommand.self,
            ]),
        CommandGroup(name: "Set-up", subcommands: [MTLSCommand.self, ServiceCommand.self]),
        CommandGroup(
            name: "This program",
            subcommands: [
                CompletionCommand<Self>.self, ManPagesCommand<Self>.self, VersionCommand<Self>.self,
            ]),
    ]

    static let about = ProgramDescription(
        abstract: "Administers an immudb server.",
        usage: """
            immuadmin <command> [flags]
            immuadmin help [command]
            """,
        discussion: """
            Users, backups, restores, dumps and the audit log want the token of the administrator, immu, which login leaves in a \
            file, and are served to this machine only. The first login makes the administrator, and shows \
            the password once.
            """,
        examples: examples)

    static func settings(_ sources: SettingsSources) throws(SettingsError) -> AdminSettings {
        try AdminSettings(sources.values())
    }

    static func idleFlags(
        _ settings: AdminSettings, among flags: [String: String], of command: any ParsableCommand
    ) -> [String] {
        var idle = settings.connection.idleFlags(among: flags.keys)
        if flags[AdminSettings.metricsPort.key] != nil, !(command is StatsCommand) {
            idle.append("flag --\(AdminSettings.metricsPort.key) has no effect but on stats")
        }
        return idle
    }

    static func run(
        _ command: any ParsableCommand, _ sources: SettingsSources, _ settings: AdminSettings
    ) async throws {
        guard let command = command as? any AdminCommand else {
            preconditionFailure("\(command) is no command of immuadmin")
        }
        try await command.run(
            in: AdminContext(settings: settings, output: Output(format: settings.format)))
    }
}
