import Foundation
import Logging
import StorageIO
import Synchronization
import TestTools
import Testing

@testable import ServiceKit

@Suite("The log's formats and its Logger")
struct LogFormatTests {
    /// Texts that a hostile client may choose.
    private static let hostile = [
        "plain", "", "\"quoted\" \\ / \\n", "tab\tnew\nline\r\u{0}\u{7}\u{1b}[31mred",
        "\u{7f}\u{85}\u{9b}31m", "\u{2028}\u{2029}", "user\u{202e}nimda\u{202c}",
        "\u{61c}\u{200e}\u{200f}\u{202a}\u{2066}a\u{2069}", "grüße 漢字 👩‍👩‍👧 e\u{301}",
        "\u{fffd}\u{feff}",
    ]

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control || scalar.properties.isBidiControl
            || ["\u{2028}", "\u{2029}"].contains(scalar)
    }

    @Test("write a line of JSON as an object with the exact message and fields", arguments: hostile)
    func json(text: String) throws {
        let line = LogLine(.warning, text, fields: [.init(name: "n\(text)", value: text)]).json
        let object = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
        #expect(object["message"].map { Array($0.utf8) } == Array(text.utf8))
        #expect(object["n\(text)"].map { Array($0.utf8) } == Array(text.utf8))
        #expect(object["level"] == "warning")
        #expect(object.count == 4)
        #expect(!line.unicodeScalars.contains(where: Self.isUnsafe), "\(line.debugDescription)")
    }

    @Test(
        "write a line of text without control characters and changes of direction",
        arguments: hostile)
    func text(text: String) {
        let line = LogLine(.info, text).text
        #expect(!line.unicodeScalars.contains(where: Self.isUnsafe), "\(line.debugDescription)")
        if !text.unicodeScalars.contains(where: Self.isUnsafe) {
            #expect(line.hasSuffix(" INFO: " + text))
        }
    }

    @Test("write the current time in JSON as RFC 3339 in UTC with microseconds")
    func time() throws {
        let before = Date()
        let line = LogLine(.info, "x").json
        let text = try #require(line.firstMatch(of: /^\{"time":"([-0-9T:.]{26}Z)",/)?.1)
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let time = try Date(String(text), strategy: format)
        #expect(abs(time.timeIntervalSince(before)) < 60)
        let fixed = LogTime(second: 951_782_400, microsecond: 42)
        #expect(fixed.universal + fixed.fraction == "2000-02-29T00:00:00.000042")
    }

    @Test(
        "rename a field with the name of a part of the line, and cut many or long ones"
    )
    func fields() throws {
        let fields = (0..<100).map { LogLine.Field(name: "f\($0)", value: "v") }
        let long = LogLine.Field(name: "message", value: String(repeating: "ä", count: 100_000))
        let line = LogLine(.info, "hello", fields: [long] + fields).json
        #expect(line.utf8.count < 10_000)
        let object = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
        #expect(object["message"] == "hello")
        #expect(object["message_"]?.hasPrefix("ää") == true)
        #expect(object["f3"] == "v")
    }

    @Test("write one JSON object in each line of a file, also for the log's own lines")
    func file() throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/immudb.log"
        let log = try ServerLog.file(path, program: "immudb", level: .info, format: .json)
        for text in Self.hostile { log.info(text) }
        log.logger.error("failed", metadata: ["client": "127.0.0.1:1"])
        #expect(log.flush(within: .seconds(60)))
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let objects = try lines.map {
            try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
        }
        #expect(objects.map { $0["message"] } == Self.hostile + ["failed"])
        #expect(objects.last?["client"] == "127.0.0.1:1")
        #expect(objects.last?["level"] == "error")
        #expect(objects.first?["component"] == "program")
    }

    // MARK: by swift-log

    @Test("write a logger's messages as the original's lines, at the log's current level")
    func logger() {
        let lines = Lines()
        let log = ServerLog(level: .info, write: lines.add)
        let logger = log.logger
        var strict = logger
        strict.logLevel = .error
        var made = 0
        func message(_ text: String) -> Logger.Message {
            made += 1
            return "\(text)"
        }
        logger.debug(message("one"), metadata: ["k": "\(message("metadata"))"])
        #expect(made == 0)
        log.level = .debug
        logger.debug(message("two"), metadata: ["k": "v"])
        strict.warning(message("three"))
        log.level = .warning
        logger.info(message("four"))
        logger.notice(message("five"))
        logger.critical(message("six"))
        #expect(made == 2)
        #expect(lines.all.map { $0.dropFirst(20) } == ["DEBUG: two", "ERROR: six"])
    }

    @Test("keep each logger's metadata apart, and write them as fields of JSON")
    func metadata() throws {
        let lines = Lines()
        var first = ServerLog(level: .info, format: .json, write: lines.add).logger
        first[metadataKey: "a"] = "1"
        var second = first
        second[metadataKey: "a"] = "2"
        second.handler.metadataProvider = Logger.MetadataProvider { ["b": ["x", "y"]] }
        second.info("second", metadata: ["c": "3"])
        first.info("first")
        let objects = try lines.all.map {
            try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
        }
        #expect(objects[0]["a"] == "2" && objects[0]["c"] == "3")
        #expect(objects[0]["b"] == #"["x", "y"]"#, "\(objects[0])")
        #expect(objects[1]["a"] == "1" && objects[1]["c"] == nil)
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
