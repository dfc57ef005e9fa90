import Foundation
import ImmudbClient
import ProgramKit
import Terminal

/// The settings of `immutest`.
enum ImmutestSettings {
    static let address = Setting(
        "immudb-address", short: "a", .text("an address or host name", named: "host"),
        default: "127.0.0.1",
        "host of the server: 127.0.0.1, ::1 or localhost")
    static let port = Setting(
        "immudb-port", short: "p", .integer(1...65535), default: 3322, "port of the server")
    static let tokenFile = Setting(
        "tokenfile", .optionalFile, default: "token",
        "file with the token of a login by immuclient; a name alone is a file of the home folder")

    static let definition = SettingsDefinition(
        program: "immutest", settings: [address, port, tokenFile])
}

/// The address of the server, which is on this machine.
struct ServerPlace {
    private static let localHosts = ["127.0.0.1", "::1", "localhost"]

    let host: String
    let port: Int
    /// The token for a server with users, or nil if nobody has logged in.
    let token: String?

    /// Reads the settings. Prints the path of a config file that was found.
    ///
    /// - Throws: `SettingsError` or `ImmutestError` if the settings do not lead to a server to
    ///   fill.
    init(_ sources: SettingsSources) throws {
        if let announcement = sources.announcement { print(announcement) }
        let values = try sources.values()
        for warning in values.warnings { StandardError.write(line: "Warning: \(warning)") }
        try self.init(of: values)
        guard Self.localHosts.contains(host) else {
            throw ImmutestError(
                "immutest is allowed to run only on the server machine (remote runs are not "
                    + "allowed)")
        }
    }

    private init(of values: SettingsValues) throws {
        let server = try values.parsed(ImmutestSettings.address) { text in
            try ServerAddress(text, port: values.given(ImmutestSettings.port))
        }
        (host, port) = (server.host, server.port)
        token = try Self.token(values)
    }
}

extension ServerPlace {
    /// Reads the token. A file that was named must exist. Without a name, a file of the default
    /// name that holds something else may belong to another program.
    fileprivate static func token(_ values: SettingsValues) throws -> String? {
        let file = TokenFile(values[ImmutestSettings.tokenFile])
        guard let source = values.source(of: ImmutestSettings.tokenFile) else {
            return try? file.read()
        }
        guard let token = try file.read() else {
            throw ImmutestError(
                "the file of \(source) does not exist: log in first, with immuclient login")
        }
        return token
    }
}

/// The reason why the server was not filled: a message for the user.
struct ImmutestError: Error {
    let message: String
    let exitCode: Int32

    init(_ message: String, exitCode: Int32 = EXIT_FAILURE) {
        self.message = message
        self.exitCode = exitCode
    }
}
