import ArgumentParser
import ImmudbGateway
import ImmudbServer
import ProgramKit
import ServiceKit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The server's program: its commands and its help.
@main
struct Immudb: Program {
    static let definition = ImmudbSettings.definition
    static let version = ImmudbServer.version
    static let runsWithoutCommand = true
    static let commands = [
        CommandGroup(
            name: "", subcommands: [VersionCommand<Self>.self, ManPagesCommand<Self>.self]),
        CommandGroup(
            name: "Stopped servers",
            subcommands: [
                VerifyCommand.self, RepairCommand.self, BackupCommand.self, RestoreCommand.self,
            ]),
    ]

    static let about = ProgramDescription(
        abstract:
            "immudb - the lightweight, high-speed immutable database for systems and applications.",
        usage: """
            immudb [flags]
            immudb [command]
            """,
        discussion: """
            Serves the database of a folder to clients of immudb 0.6, and proves to them that no \
            entry of it was ever changed. Stop it with SIGTERM or Ctrl-C: it lets running calls \
            finish, for 10 seconds at most.
            """,
        variables: [
            "LOG_LEVEL=error|warn|info|debug (default info): as --log-level, which wins over it"
        ],
        examples: [
            "immudb": [
                (
                    command: "immudb --dir ./db",
                    what: "Serves the data in ./db at 127.0.0.1, port 3322:"
                ),
                (
                    command: "immudb -d --pidfile /var/run/immudb.pid "
                        + "--logfile /var/log/immudb/immudb.log",
                    what: "Serves in the background, with pid file and log:"
                ),
                (
                    command: "immudb --gateway",
                    what: "Serves REST as well, at port 3323:"
                ),
                (
                    command: "immudb backup --dir ./db monday.backup",
                    what: "Backs up the data of a server that is stopped:"
                ),
                (
                    command: "immudb restore --dir ./restored monday.backup tuesday.backup",
                    what: "Makes a data folder of a full backup and an incremental one:"
                ),
                (
                    command: "IMMUDB_DURABILITY=interval immudb --config /etc/immudb/immudb.toml",
                    what: "Takes settings from a file, and one from the environment:"
                ),
            ],
            "immudb verify": [
                (
                    command: "immudb verify --dir /var/lib/immudb",
                    what: "Checks all data of a stopped server:"
                )
            ],
            "immudb repair": [
                (
                    command: "immudb repair --dir /var/lib/immudb --from /mnt/copy",
                    what: "Replaces what is damaged from another copy of the folder:"
                )
            ],
        ])

    static func perform(_ invocation: Invocation<Self>) async throws -> Int32 {
        if let answer = try invocation.answer() {
            print(answer)
            return EXIT_SUCCESS
        }
        if case .run(let command as any OfflineCommand) = invocation.action {
            return try await command.perform(in: command.data(of: invocation)).rawValue
        }
        return try await ServiceProcess.run(invocation, ImmudbSettings.service) {
            values throws(SettingsError) in
            let options = try ServerOptions(values)
            return DatabaseServing(
                options: options, gateway: try GatewayOptions.embedded(values, in: options))
        }
    }
}
