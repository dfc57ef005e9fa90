import Foundation
import ImmudbClient
import ProgramKit
import Terminal

/// Everything that `immutest` can be told.
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

/// Where the server is, which is on this machine.
struct ServerPlace {
    private static let localHosts = ["127.0.0.1", "::1", "localhost"]

    let host: String
    let port: Int
    /// What a server with users wants; nil if nobody has logged in.
    let token: String?

    /// A config file that was found is named on the standard output.
    ///
    /// - Throws: why no server is to be filled by these settings: `SettingsError`, `ImmutestError`.
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
    /// A file that was named has to be there; where none was, one of the usual name may be somebody else's.
    fileprivate static func token(_ values: SettingsValues) throws -> String? {
        let file = TokenFile(values[ImmutestSettings.tokenFile])
        guard let source = values.source(of: ImmutestSettings.tokenFile) else {
            return try? file.read()
        }
        guard let token = try file.read() else {
            throw ImmutestError("\(source) names no file: log in first, by immuclient login")
        }
        return token
    }
}

/// Why the server was not filled: a message for the person who asked for it.
struct ImmutestError: Error {
    let message: String
    let exitCode: Int32

    init(_ message: String, exitCode: Int32 = EXIT_FAILURE) {
        self.message = message
        self.exitCode = exitCode
    }
}
