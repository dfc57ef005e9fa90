import Foundation
import ProgramKit

private enum Mode: String, CaseIterable { case fast, safe, slow }

private let dir = Setting("dir", .text("a folder"), default: "./db", "data folder")
private let log = Setting("logfile", .text, default: "", "log")
private let limit = Setting("message-limit", .integer(1...1000), default: 10, "limit")
private let port = Setting("port", short: "p", .integer(0...65535), default: 3322, "port")
private let detached = Setting("detached", short: "d", .boolean, default: false, "background")
private let mode = Setting("mode", .word(of: Mode.self), default: .safe, "mode")
private let name = Setting("name", short: "n", .plainName("a folder"), default: "x", "name")

private let definition = SettingsDefinition(
    program: "sample", settings: [dir, log, limit, port, detached, mode, name],
    withdrawn: ["network"])

/// Reads a config file of each format, the environment and the arguments: they are refused with a
/// message, or give values that their settings accept.
///
/// The first byte selects the format. The file ends at the first zero byte. After it come
/// `VARIABLE=value` pairs, separated by zeros, and after an empty one the arguments.
func fuzzSettings(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let formats = ["toml", "yaml", "json", "properties", "env", "ini", "toml.dist"]
    let format = formats[Int(input.byte()) % formats.count]
    let parts = input.all().split(separator: 0, omittingEmptySubsequences: false)
    let path = ScratchFolder.url.appending(path: "sample.\(format)").path
    try Data(parts.first ?? []).write(to: URL(filePath: path))
    let texts = parts.dropFirst().map { String(decoding: $0, as: UTF8.self) }
    let end = texts.firstIndex(of: "") ?? texts.endIndex
    var environment: [String: String] = [:]
    for pair in texts[..<end] {
        let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        environment[String(sides[0])] = sides.count > 1 ? String(sides[1]) : ""
    }
    do {
        let words = try FlagSyntax(definition.settings).words(of: Array(texts[end...].dropFirst()))
        let file = try ConfigFileSearch(
            path, orFoundFor: "sample", environment: [:], systemFolder: "/nonexistent")
        let values = try definition.values(
            flags: words.flags, environment: environment, config: file)
        try require((0...65535).contains(values[port]), "port \(values[port])")
        try require((1...1000).contains(values[limit]), "limit \(values[limit])")
        try require(!values[dir].isEmpty && !values[name].contains("/"), "\(values[name])")
        _ = (values[log], values[detached], values[mode], values.source(of: mode))
    } catch let error as SettingsError {
        try require(!error.message.isEmpty, "an error without a message")
    }
}
