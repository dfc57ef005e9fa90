import ArgumentParser
import ProgramKit

/// The flags that every command takes, before or after its own words.
///
/// Declared for the help, the man pages and the completion scripts: what they are set to is read by
/// `Invocation`, since the argument library knows less syntax than these programs have.
struct GlobalFlags: ParsableArguments {
    @Option(
        name: [.customShort("a"), .customLong("immudb-address")],
        help: .of(ClientSettings.address, "host"))
    var immudbAddress: String?
    @Option(
        name: [.customShort("p"), .customLong("immudb-port")],
        help: .of(ClientSettings.port, "number"))
    var immudbPort: String?
    @Option(help: .of(ClientSettings.directory, "folder"), completion: .directory)
    var dir: String?
    @Option(help: .of(ClientSettings.evidence, "folder"), completion: .directory)
    var evidence: String?
    @Flag(name: .customLong("json"), help: .of(ClientSettings.json))
    var json = false
    @Flag(name: .customLong("value-only"), help: .of(ClientSettings.valueOnly))
    var valueOnly = false
    @Option(help: .of(ClientSettings.tokenFile, "file"), completion: .file())
    var tokenfile: String?
    @Flag(name: [.customShort("s"), .customLong("auth")], help: .of(ClientSettings.auth))
    var auth = false
    @Flag(name: [.customShort("m"), .customLong("mtls")], help: .of(ClientSettings.mtls))
    var mtls = false
    @Option(help: .of(ClientSettings.serverName, "name"))
    var servername: String?
    @Option(help: .of(ClientSettings.certificate, "file"), completion: .file())
    var certificate: String?
    @Option(help: .of(ClientSettings.clientCAs, "file"), completion: .file())
    var clientcas: String?
    @Option(help: .of(ClientSettings.pkey, "file"), completion: .file())
    var pkey: String?
    @Option(
        help: .init(
            "config file; by default the first that is found, see 'immuclient help'",
            valueName: "file"),
        completion: .file())
    var config: String?
}

extension ArgumentHelp {
    fileprivate static func of(
        _ setting: some SettingDeclaration, _ valueName: String? = nil
    ) -> ArgumentHelp {
        ArgumentHelp("\(setting.help)", valueName: valueName)
    }
}
