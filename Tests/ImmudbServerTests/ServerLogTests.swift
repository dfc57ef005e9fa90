import Foundation
import ImmudbStore
import Synchronization
import TestTools
import Testing

@testable import ImmudbServer

@Suite("The server's log and options")
struct ServerLogTests {
    @Test("have a time, a level and a message in each line")
    func format() throws {
        let lines = Lines()
        let log = ServerLog(level: .info, write: lines.add)
        log.warning("careful")
        let line = try #require(lines.all.first)
        let format = /\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d WARNING: careful/
        #expect(try format.wholeMatch(in: line) != nil, "\(line)")
    }

    @Test("do not build lines below the level")
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

    @Test("write a few lines about a thousand failures at once")
    func faults() {
        let lines = Lines()
        let faults = FaultLog(ServerLog(level: .info, write: lines.add).logger)
        for number in 0..<1000 { faults.report("io", "fault \(number)") }
        // A slow test may cross into another second or two.
        #expect((10...30).contains(lines.all.count))
        #expect(lines.all.first?.hasSuffix("fault 0") == true)
        #expect(lines.all.contains { $0.hasSuffix("are not logged)") })
    }

    @Test("let no client forge a line")
    func escaping() throws {
        let lines = Lines()
        ServerLog(level: .info, write: lines.add).error(
            "key\n2026/01/01 00:00:00 INFO: all is well")
        let line = try #require(lines.all.first)
        #expect(!line.contains("\n"))
        #expect(line.contains("\\n2026"))
    }

    @Test(
        "take LOG_LEVEL in upper or lower case",
        arguments: [
            ("ERROR", LogLevel.error), ("warn", .warning), ("Info", .info), ("debug", .debug),
            ("loud", nil), ("", nil), ("warning", nil),
        ])
    func words(word: String, level: LogLevel?) {
        #expect(LogLevel(word: word) == level)
    }

    @Test("append to a log file, create its folder, and name a path that cannot be created")
    func file() throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/log/immudb.log"
        for message in ["one", "two"] {
            let log = try ServerLog.file(path, level: .info)
            log.info(message)
            #expect(log.flush(within: .seconds(60)))
        }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("immudb 2") && lines[0].hasSuffix(" INFO: one"))

        let below = try #require(throws: ServerStartError.self) {
            _ = try ServerLog.file(path + "/a/b.log", level: .info)
        }
        #expect(below.message.hasPrefix("Unable to create log folder \(path)/a: "))
        let isFolder = try #require(throws: ServerStartError.self) {
            _ = try ServerLog.file(folder.path + "/log", level: .info)
        }
        #expect(isFolder.message == "Unable to create log file \(folder.path)/log: Is a directory")
        for name in ["", String(repeating: "a", count: 300)] {
            #expect(throws: ServerStartError.self) {
                _ = try ServerLog.file("\(folder.path)/new/\(name)", level: .info)
            }
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/new"))
        }
    }

    @Test("show the options as one line of JSON")
    func json() {
        var options = ServerOptions(
            directory: "a \"b\"\n", address: "::1", port: 1, databaseName: "d")
        options.durability = .never
        options.mutualTLS.isOn = true
        options.mutualTLS.certificate = "c"
        options.mutualTLS.key = "k"
        options.mutualTLS.clientAuthorities = "a"
        options.process.pidFile = "p"
        options.process.isDetached = true
        let expected =
            #"{"Dir":"a \"b\"\u000a","Address":"::1","Port":1,"MetricsPort":9497,"DbName":"d","#
            + #""Config":"","Pidfile":"p","Logfile":"","MTLs":true,"MTLsOptions":{"Pkey":"k","#
            + #""Certificate":"c","ClientCAs":"a"},"Auth":false,"NoHistograms":false,"#
            + #""Detached":true,"Durability":"never","MaxRecvMsgSize":33554432}"#
        #expect(options.json == expected)
    }

    @Test(
        "refuse a database name that is not a plain folder name",
        arguments: [
            "", ".", "..", "a/b", "/", "\0", "a\n", "\u{85}", "immudbsys", "IMMUDBSYS",
            "immudb.identifier",
        ])
    func databaseNames(name: String) throws {
        let error = try #require(throws: ServerStartError.self) {
            try ServerOptions(databaseName: name).validate()
        }
        #expect(error.message.contains("invalid database name \""))
        #expect(name.contains(where: \.isNewline) || error.message.contains("\"\(name)\""))
        #expect(error.message.contains("--dbname"))
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }
}
