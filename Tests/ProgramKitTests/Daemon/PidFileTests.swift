import Foundation
import Testing

@testable import ProgramKit

@Suite("Pid file")
struct PidFileTests {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("pid-test-\(UUID().uuidString)")

    @Test(
        "holds only the process id in digits, in a folder that is created, and is removed")
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

    @Test("is refused while another one exists, which stays as it is")
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
        "is taken over if it is stale, whatever process has its number now",
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
        "is refused if it holds something else, and stays as it is",
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

    @Test("is not removed if it was replaced")
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
        "is refused for a path without a name, and no folder is created for it",
        arguments: [".", "./", "/", "a/.", "a/", "a//", "a/.."])
    func names(path: String) {
        #expect(throws: DaemonError("Pid filename is invalid: \(path)")) {
            _ = try PidFile(path, program: "it")
        }
        #expect(!FileManager.default.fileExists(atPath: "a"))
    }

    @Test("removes the folder that was created if the file cannot be")
    func madeFolder() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/run/" + String(repeating: "a", count: 300)
        let error = try #require(throws: DaemonError.self) { _ = try PidFile(path, program: "it") }
        #expect(error.message.contains("File name too long"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test("is refused if it is not an ordinary file, which stays")
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
