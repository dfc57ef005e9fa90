import Foundation
import TestTools
import Testing

@testable import ProgramKit

/// The settings of a sample program.
enum Sample {
    enum Mode: String, CaseIterable { case fast, safe, slow }

    static let dir = Setting("dir", .text("a folder"), default: "./db", "data folder")
    static let log = Setting("logfile", .text, default: "", "log")
    static let limit = Setting("message-limit", .integer(1...1000), default: 10, "limit")
    static let port = Setting("port", short: "p", .integer(0...65535), default: 3322, "port")
    static let detached = Setting("detached", short: "d", .boolean, default: false, "background")
    static let quiet = Setting("quiet", short: "q", .boolean, default: false, "say nothing")
    static let mode = Setting("mode", .word(of: Mode.self), default: .safe, "mode")
    static let name = Setting("name", short: "n", .plainName("a folder"), default: "x", "name")

    static let definition = SettingsDefinition(
        program: "sample", settings: [dir, log, limit, port, detached, quiet, mode, name],
        withdrawn: ["network"])

    static func values(
        flags: [String: String] = [:], environment: [String: String] = [:], file: ConfigFile? = nil
    ) throws -> SettingsValues {
        try definition.values(
            flags: flags, environment: environment, config: ConfigFileSearch(file: file))
    }

    /// Reads a text as a config file of that name.
    static func file(_ name: String, _ text: String) throws -> ConfigFile {
        let folder = TemporaryFolder()
        return try ConfigFile.read(try folder.write(name, text))
    }

    /// Returns the error for a text that is an invalid config file.
    static func complaint(_ name: String, _ text: String) throws -> String {
        let error = try #require(throws: SettingsError.self) {
            _ = try values(file: file(name, text))
        }
        return error.message
    }
}
