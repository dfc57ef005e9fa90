import ArgumentParser
import ImmudbServer
import ProgramKit

/// The flags of `immudb`, and its commands `version` and `help`.
///
/// The flags are declared for the help and the man pages: what they are set to is read by
/// `invocation`, since the argument library knows less syntax than these programs have.
struct ImmudbCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "immudb",
        abstract:
            "immudb - the lightweight, high-speed immutable database for systems and applications.",
        usage: """
            immudb [flags]
            immudb [command]
            """,
        discussion: discussion,
        subcommands: [Version.self, Mangen.self])

    @Option(name: .shortAndLong, help: .of(ImmudbSettings.address, "host"))
    var address: String?
    @Option(
        name: [.customShort("s"), .long], defaultAsFlag: "true",
        help: .of(ImmudbSettings.auth, "bool"))
    var auth: String?
    @Option(help: .of(ImmudbSettings.certificate, "file"))
    var certificate: String?
    @Option(help: .of(ImmudbSettings.clientCAs, "file"))
    var clientcas: String?
    @Option(
        help: .init("config file; by default the first that is found, see above", valueName: "file")
    )
    var config: String?
    @Option(name: [.customShort("n"), .long], help: .of(ImmudbSettings.databaseName, "name"))
    var dbname: String?
    @Option(name: .shortAndLong, defaultAsFlag: "true", help: .of(ImmudbSettings.detached, "bool"))
    var detached: String?
    @Option(help: .of(ImmudbSettings.directory, "folder"))
    var dir: String?
    @Option(help: .of(ImmudbSettings.durability, "word"))
    var durability: String?
    @Option(help: .of(ImmudbSettings.logFile, "file"))
    var logfile: String?
    @Option(help: .of(ImmudbSettings.maxReceiveMessageByteCount, "bytes"))
    var maxRecvMsgSize: String?
    @Option(name: .shortAndLong, defaultAsFlag: "true", help: .of(ImmudbSettings.mtls, "bool"))
    var mtls: String?
    @Option(defaultAsFlag: "true", help: .of(ImmudbSettings.noHistograms, "bool"))
    var noHistograms: String?
    @Option(help: .of(ImmudbSettings.pidFile, "file"))
    var pidfile: String?
    @Option(help: .of(ImmudbSettings.pkey, "file"))
    var pkey: String?
    @Option(name: .shortAndLong, help: .of(ImmudbSettings.port, "number"))
    var port: String?

    struct Version: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the immudb version")
    }

    private static let discussion: String = {
        let definition = ImmudbSettings.definition
        let variables = definition.settings.map { "  " + definition.variableName(of: $0) }
        return """
            Serves the database of a folder to clients of immudb 0.6, and proves to them that no \
            entry of it was ever changed. Stop it with SIGTERM or Ctrl-C: it lets running calls \
            finish, for 10 seconds at most.

            A flag wins over its environment variable, that over the config file, and that over \
            the default.

            Environment variables:
            \(variables.joined(separator: "\n"))
              LOG_LEVEL=error|warn|info|debug (default info)

            Config files: immudb.json, .toml, .yaml, .yml, .properties, .props, .prop, .dotenv, \
            .env or .ini in ./configs, $GOPATH/src/configs, /etc/immudb or $HOME, the first that \
            is found. Their keys are the flags' names. HCL is not read.
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

extension ImmudbCommand {
    /// What the arguments ask for.
    enum Invocation {
        case serve(flags: [String: String], configFile: String?)
        /// Man pages to write.
        case mangen(directory: String)
        /// A text to print, and nothing more to do.
        case show(String)
    }

    /// - Throws: `SettingsError` that names the offending word.
    static func invocation(_ arguments: [String]) throws(SettingsError) -> Invocation {
        let words = try FlagSyntax(ImmudbSettings.definition.settings).words(of: arguments)
        guard let name = words.words.first else {
            return words.asksForHelp
                ? .show(helpMessage()) : .serve(flags: words.flags, configFile: words.configFile)
        }
        let own = Array(words.words.dropFirst())
        if name == "help" { return .show(helpMessage(for: try own.first.map(command) ?? self)) }
        let type = try command(name)
        guard !words.asksForHelp else { return .show(helpMessage(for: type)) }
        do {
            switch try type.parseAsRoot(["--"] + own) {
            case let command as Mangen:
                return .mangen(directory: command.directory ?? Mangen.defaultDirectory)
            default:
                return .show("immudb \(ImmudbServer.version)")
            }
        } catch {
            throw SettingsError(message(for: error))
        }
    }

    private static func command(_ name: String) throws(SettingsError) -> any ParsableCommand.Type {
        if name == "help" { return self }
        guard let type = configuration.subcommands.first(where: { $0._commandName == name }) else {
            throw SettingsError("unknown command \"\(name)\" for \"immudb\"")
        }
        return type
    }
}
