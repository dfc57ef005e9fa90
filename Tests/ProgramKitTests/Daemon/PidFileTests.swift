import Foundation
import Testing

@testable import ProgramKit

@Suite("Pid file")
struct PidFileTests {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("pid-test-\(UUID().uuidString)")

    @Test(
        "holds the process id in digits and nothing else, in a folder that is made; and goes away")
    func content() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/run/a.pid"
        let file = try PidFile(path, program: "it")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())")
        file.remove()
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(throws: DaemonError.self) {
            _ = try PidFile(folder.path + "/a/b/c.pid", program: "it")
        }
    }

    @Test("a second one is refused while the first one lives, and leaves the file as it is")
    func lock() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/a.pid"
        let first = try PidFile(path, program: "it")
        #expect(
            throws: DaemonError("pid file found, ensure it is not running or delete \(path)")
        ) { _ = try PidFile(path, program: "it") }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())")
        first.remove()
    }

    @Test(
        "a stale one is taken over, whatever process has its number now",
        arguments: ["1", "", "99999999\n"])
    func stale(content: String) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/a.pid"
        try Data(content.utf8).write(to: URL(fileURLWithPath: path))
        let file = try PidFile(path, program: "it")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())")
        file.remove()
    }

    @Test(
        "a file that holds something else is refused and left as it is",
        arguments: ["root:x:0", "12 a"])
    func foreign(content: String) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/a.pid"
        try Data(content.utf8).write(to: URL(fileURLWithPath: path))
        let error = try #require(throws: DaemonError.self) { _ = try PidFile(path, program: "it") }
        #expect(error.message.contains("\(path) holds something else"))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == content)
    }

    @Test("a file that was put in its place is not removed")
    func replaced() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/a.pid"
        let first = try PidFile(path, program: "it")
        try FileManager.default.removeItem(atPath: path)
        let second = try PidFile(path, program: "it")
        first.remove()
        #expect(FileManager.default.fileExists(atPath: path))
        second.remove()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(
        "a path without a name is refused, and no folder made for it",
        arguments: [".", "./", "/", "a/.", "a/", "a//", "a/.."])
    func names(path: String) {
        #expect(throws: DaemonError("Pid filename is invalid: \(path)")) {
            _ = try PidFile(path, program: "it")
        }
        #expect(!FileManager.default.fileExists(atPath: "a"))
    }

    @Test("a folder that was made for a file which cannot be made is removed again")
    func madeFolder() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/run/" + String(repeating: "a", count: 300)
        let error = try #require(throws: DaemonError.self) { _ = try PidFile(path, program: "it") }
        #expect(error.message.contains("File name too long"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test("what is no ordinary file is refused, says so, and stays")
    func kinds() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let pipe = folder.path + "/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        for (path, kind) in [
            (pipe, "a pipe"), ("/dev/null", "a device"), (folder.path, "a folder"),
        ] {
            #expect(
                throws: DaemonError(
                    "failed to write pidfile: \(path) is \(kind), no file: name another one")
            ) { _ = try PidFile(path, program: "it") }
            #expect(FileManager.default.fileExists(atPath: path))
        }
    }
}
