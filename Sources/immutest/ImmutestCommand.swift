import ArgumentParser
import ProgramKit

/// The flags of `immutest`, and its commands `version` and `help`.
///
/// All of it is declared for the help and the man pages: `invocation` reads what is given, since
/// the argument library knows less syntax than these programs have.
struct ImmutestCommand: ParsableCommand {
    static let defaultCount = 100
    static let configuration = CommandConfiguration(
        commandName: "immutest",
        abstract: "immutest - fills an immudb server with sample entries.",
        usage: """
            immutest [n] [flags]
            immutest [command]
            """,
        discussion: discussion,
        subcommands: [Version.self, Mangen.self])

    @Argument(
        help: ArgumentHelp("number of entries (default \(defaultCount))", valueName: "n"))
    var count: String?
    @Option(
        name: [.customShort("a"), .long], help: .of(ImmutestSettings.address, "host"))
    var immudbAddress: String?
    @Option(name: [.customShort("p"), .long], help: .of(ImmutestSettings.port, "number"))
    var immudbPort: String?
    @Option(
        help: .init("config file; by default the first that is found, see above", valueName: "file")
    )
    var config: String?
    @Option(help: .of(ImmutestSettings.tokenFile, "file"))
    var tokenfile: String?

    struct Version: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the immutest version")
    }

    private static let discussion: String = {
        let definition = ImmutestSettings.definition
        let variables = definition.settings.map { "  " + definition.variableName(of: $0) }
        return """
            Writes entries about the credit cards of clients who do not exist, the same ones each \
            time: keys "client:<title> <first name> <last name>", values \
            "card:<type> <number> <expiry>". The numbers are of the kind that payment systems are \
            tested with.

            Runs on the server's machine only. If the server has entries already it asks first, \
            since entries can never be deleted; the answer may come from a pipe.

            A flag wins over its environment variable, that over the config file, and that over \
            the default.

            Environment variables:
            \(variables.joined(separator: "\n"))

            Config files: immutest.json, .toml, .yaml, .yml, .properties, .props, .prop, .dotenv, \
            .env or .ini in ./configs, $GOPATH/src/configs, /etc/immudb or $HOME, the first that \
            is found. Their keys are the flags' names.
            """
    }()
}

extension ArgumentHelp {
    fileprivate static func of(
        _ setting: some SettingDeclaration, _ valueName: String
    ) -> ArgumentHelp {
        ArgumentHelp("\(setting.help)", valueName: valueName)
    }
}
