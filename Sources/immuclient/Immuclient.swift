import ArgumentParser
import ProgramKit

/// The command line client: its commands, and what its help says.
struct Immuclient: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "immuclient",
        abstract: "Reads and writes an immudb server, and verifies what it answers.",
        usage: """
            immuclient <command> [flags]
            immuclient help [command]
            """,
        discussion: discussion,
        groupedSubcommands: [
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
            CommandGroup(
                name: "This program",
                subcommands: [
                    ShellCommand.self, CompletionCommand.self, ManPagesCommand.self,
                    VersionCommand.self,
                ]),
        ])

    @OptionGroup(title: "Global flags") var flags: GlobalFlags

    /// In the order of the help.
    static let commands = configuration.subcommands.compactMap {
        $0 as? any ImmuclientCommand.Type
    }

    /// Without the hidden ones.
    static let displayedCommands = commands.filter { $0.configuration.shouldDisplay }

    private static let discussion: String = {
        let definition = ClientSettings.definition
        let variables = definition.settings.map { "  " + definition.variableName(of: $0) }
        return """
            The file .root-<identifier> in the folder of --dir holds the newest tree that was \
            verified of a server. Verified commands fail, with exit code 1, if the server's tree \
            does not continue it. If there is none yet, the tree that the server shows is trusted.

            Flags may stand before or after a command and its words. A flag wins over its \
            environment variable, that over the config file, and that over the default.

            Environment variables:
            \(variables.joined(separator: "\n"))

            Config files: immuclient.json, .toml, .yaml, .yml, .properties, .props, .prop, \
            .dotenv, .env or .ini in ./configs, $GOPATH/src/configs, /etc/immudb or $HOME, the \
            first that is found. Their keys are the flags' names. HCL is not read.
            """
    }()
}
