import ArgumentParser
import ImmudbGateway
import ImmudbProtocol
import ProgramKit
import ServiceKit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The gateway's program: its commands and its help.
@main
struct Immugw: Program {
    static let definition = ImmugwSettings.definition
    static let version = ImmudbRelease.version
    static let runsWithoutCommand = true
    static let commands = [
        CommandGroup(
            name: "", subcommands: [VersionCommand<Self>.self, ManPagesCommand<Self>.self])
    ]

    static let about = ProgramDescription(
        abstract: "immugw - a REST gateway of immudb, which verifies what immudb answers.",
        usage: """
            immugw [flags]
            immugw [command]
            """,
        discussion: """
            Serves immudb by HTTP and JSON, and verifies the proofs of safe calls for its callers. \
            It starts also while immudb is away, and connects when that is there. Stop it with \
            SIGTERM or Ctrl-C: it lets running requests finish, for 10 seconds at most.
            """,
        variables: [
            "LOG_LEVEL=error|warn|info|debug (default info): as --log-level, which wins over it"
        ],
        examples: [
            "immugw": [
                (
                    command: "immugw",
                    what: "Serves the immudb of this machine at 127.0.0.1, port 3323:"
                ),
                (
                    command: "immugw -k immudb.example -j 3322 --dir /var/lib/immugw",
                    what: "Serves another machine's, and keeps the trusted roots in a folder:"
                ),
                (
                    command: "immugw -d --pidfile /var/run/immugw.pid "
                        + "--logfile /var/log/immudb/immugw.log",
                    what: "Serves in the background, with pid file and log:"
                ),
                (
                    command: "IMMUGW_STRICT=true immugw --config /etc/immudb/immugw.toml",
                    what: "Takes settings from a file, and one from the environment:"
                ),
            ]
        ])

    static func perform(_ invocation: Invocation<Self>) async throws -> Int32 {
        if let answer = try invocation.answer() {
            print(answer)
            return EXIT_SUCCESS
        }
        return try await ServiceProcess.run(invocation, ImmugwSettings.service) {
            values throws(SettingsError) in
            GatewayServing(options: try GatewayOptions(values))
        }
    }
}
