import ArgumentParser
import Foundation
import ImmudbClient

/// What all commands take: where the server is, and where trusted roots are kept. A flag wins over
/// the environment.
struct ConnectionOptions: ParsableArguments {
    @Option(
        name: [.customShort("a"), .customLong("immudb-address")],
        help: ArgumentHelp("Host of the server (default: 127.0.0.1).", valueName: "host"))
    var host: String?

    @Option(
        name: [.customShort("p"), .customLong("immudb-port")],
        help: ArgumentHelp("Port of the server (default: 3322).", valueName: "port"))
    var port: String?

    @Option(
        name: .customLong("dir"),
        help: ArgumentHelp(
            "Directory of the trusted roots (default: the current one).", valueName: "directory"))
    var dir: String?

    func validate() throws {
        if let port { _ = try Self.number(ofPort: port, from: "--immudb-port") }
        if host?.isEmpty == true { throw ValidationError("--immudb-address is empty") }
    }

    func configuration() throws -> ImmudbClient.Configuration {
        var configuration = ImmudbClient.Configuration()
        if let host = host ?? Self.environment("IMMUDB-ADDRESS") { configuration.host = host }
        if let port {
            configuration.port = try Self.number(ofPort: port, from: "--immudb-port")
        } else if let port = Self.environment("IMMUDB-PORT") {
            configuration.port = try Self.number(ofPort: port, from: "IMMUCLIENT_IMMUDB_PORT")
        }
        return configuration
    }

    func directory() -> String { dir.map(NegativeNumber.restored) ?? Self.environment("DIR") ?? "" }

    private static func number(ofPort text: String, from source: String) throws -> Int {
        let text = NegativeNumber.restored(text)
        guard let port = UInt16(text), port > 0 else {
            throw ValidationError("'\(text)' of \(source) is no port: 1 to 65535")
        }
        return Int(port)
    }

    /// A setting from the environment. Its name with hyphens, as the original has it, or with
    /// underscores, which shells can set. Empty values count as none.
    private static func environment(_ name: String) -> String? {
        let names = [name, name.replacingOccurrences(of: "-", with: "_")]
        let values = names.compactMap { ProcessInfo.processInfo.environment["IMMUCLIENT_\($0)"] }
        return values.first { !$0.isEmpty }
    }
}
