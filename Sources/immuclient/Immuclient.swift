import ArgumentParser
import ClientKit
import ImmudbClient
import ProgramKit

/// The command line client: its commands and its help.
@main
struct Immuclient: ClientProgram {
    static let definition = ClientSettings.definition
    static let version = ImmudbClient.version
    static let commands = [
        CommandGroup(
            name: "Entries",
            subcommands: [
                SetCommand.self, GetCommand.self, ReferenceCommand.self, ZAddCommand.self,
                HistoryCommand.self, GetByIndexCommand.self, ScanCommand.self,
                ZScanCommand.self, IScanCommand.self, CountCommand.self,
            ]),
        CommandGroup(
            name: "Verified",
            subcommands: [
                SafeSetCommand.self, SafeGetCommand.self, RawSafeSetCommand.self,
                RawSafeGetCommand.self, SafeReferenceCommand.self, SafeZAddCommand.self,
                InclusionCommand.self, CheckConsistencyCommand.self, ReceiptCommand.self,
                VerifyReceiptCommand.self,
            ]),
        CommandGroup(
            name: "Server",
            subcommands: [
                CurrentCommand.self, PingCommand.self, LoginCommand.self, LogoutCommand.self,
                DumpCommand.self,
            ]),
        CommandGroup(name: "Auditor", subcommands: [AuditModeCommand.self]),
        CommandGroup(
            name: "This program",
            subcommands: [
                ShellCommand.self, CompletionCommand<Self>.self, ManPagesCommand<Self>.self,
                VersionCommand<Self>.self,
            ]),
    ]

    /// The commands in the order of the help, without the hidden ones.
    static let displayedCommands = commands.flatMap(\.subcommands)
        .compactMap { $0 as? any ImmuclientCommand.Type }
        .filter { $0.configuration.shouldDisplay }

    static let about = ProgramDescription(
        abstract: "Reads and writes an immudb server, and verifies what it answers.",
        usage: """
            immuclient <command> [flags]
            immuclient help [command]
            """,
        discussion: """
            The file .root-<identifier> in the folder of --dir holds the newest tree that was \
            verified of a server. Verified commands fail, with exit code 3, if the server's tree \
            does not continue it. At the first verified call to a server, the tree that it shows is \
            reported on stderr and, at a terminal, trusted only if you say so: see --first-contact.
            """,
        examples: examples)
}
