import Foundation
import StorageIO
import Synchronization
import TestTools
import Testing

@testable import ServiceKit

@Suite("The log of a program")
struct ServerLogTests {
    @Test("has a time, a level and a message in each line")
    func format() throws {
        let lines = Lines()
        let log = ServerLog(level: .info, write: lines.add)
        log.warning("careful")
        let line = try #require(lines.all.first)
        let format = /\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d WARNING: careful/
        #expect(try format.wholeMatch(in: line) != nil, "\(line)")
    }

    @Test("does not build lines below the level")
    func levels() {
        let lines = Lines()
        let log = ServerLog(level: .info, write: lines.add)
        var made = 0
        log.debug(
            {
                made += 1
                return "debug"
            }())
        log.info(
            {
                made += 1
                return "info"
            }())
        #expect(made == 1)
        #expect(lines.all.count == 1)
    }

    @Test("lets no client forge a line")
    func escaping() throws {
        let lines = Lines()
        ServerLog(level: .info, write: lines.add).error(
            "key\n2026/01/01 00:00:00 INFO: all is well")
        let line = try #require(lines.all.first)
        #expect(!line.contains("\n"))
        #expect(line.contains("\\n2026"))
    }

    @Test(
        "takes LOG_LEVEL in upper or lower case",
        arguments: [
            ("ERROR", LogLevel.error), ("warn", .warning), ("Info", .info), ("debug", .debug),
            ("loud", nil), ("", nil), ("warning", nil),
        ])
    func words(word: String, level: LogLevel?) {
        #expect(LogLevel(word: word) == level)
    }

    @Test("appends to a log file, creates its folder, and names a path that cannot be created")
    func file() throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/log/immudb.log"
        for message in ["one", "two"] {
            let log = try ServerLog.file(path, program: "immudb", level: .info)
            log.info(message)
            #expect(log.flush(within: .seconds(60)))
        }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("immudb 2") && lines[0].hasSuffix(" INFO: one"))

        let below = try #require(throws: LogOpenError.self) {
            _ = try ServerLog.file(path + "/a/b.log", program: "immudb", level: .info)
        }
        #expect(below.message.hasPrefix("Unable to create log folder \(path)/a: "))
        let isFolder = try #require(throws: LogOpenError.self) {
            _ = try ServerLog.file(folder.path + "/log", program: "immudb", level: .info)
        }
        #expect(isFolder.message == "Unable to create log file \(folder.path)/log: Is a directory")
        for name in ["", String(repeating: "a", count: 300)] {
            #expect(throws: LogOpenError.self) {
                _ = try ServerLog.file(
                    "\(folder.path)/new/\(name)", program: "immudb", level: .info)
            }
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/new"))
        }
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }
}
