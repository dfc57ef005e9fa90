import Foundation
import TestTools
import Testing

@Suite("SIGHUP")
struct HangUpTests {
    private let work = TemporaryFolder()

    @Test("continues the log in a new file when the old one was renamed, and loses no line")
    func logFile() async throws {
        let log = work.file("immudb.log")
        let process = try RunningProcess(
            "immudb", ["--dir", "data", "-p", "0", "--logfile", log.path], directory: work.path)
        func content(_ file: URL) -> String {
            (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        }
        func waitFor(_ text: String, in file: URL) async throws {
            for _ in 0..<1_000 where !content(file).contains(text) {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(content(file).contains(text))
        }
        try await waitFor("Ready: ", in: log)
        let old = work.file("immudb.log.1")
        try FileManager.default.moveItem(at: log, to: old)
        process.send(SIGHUP)
        try await waitFor("caught SIGHUP", in: log)
        #expect(!content(old).contains("SIGHUP"))
        process.terminate()
        #expect(try await process.exitCode() == 0)
        #expect(content(log).contains("shutdown completed"))
        #expect(content(old).contains("Ready: "))
    }

    @Test("reports that there can be no new log file, and continues in the old one")
    func noLogFile() async throws {
        let folder = work.file("logs")
        let log = folder.appendingPathComponent("immudb.log")
        let process = try RunningProcess(
            "immudb", ["--dir", "data", "-p", "0", "--logfile", log.path], directory: work.path)
        while !FileManager.default.fileExists(atPath: work.file("data/immudb.identifier").path) {
            try await Task.sleep(for: .milliseconds(10))
        }
        let moved = work.file("moved")
        try FileManager.default.moveItem(at: folder, to: moved)
        process.send(SIGHUP)
        let file = moved.appendingPathComponent("immudb.log")
        for _ in 0..<500 {
            let text = try String(contentsOf: file, encoding: .utf8)
            if text.contains("the log stays in its old file") { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        process.terminate()
        #expect(try await process.exitCode() == 0)
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(text.contains("ERROR: caught SIGHUP, and the log stays in its old file: Unable to"))
        #expect(text.contains("shutdown completed"))
    }

    @Test("stops a server without log file and TLS in order, unless it was ignored at the start")
    func stop() async throws {
        let server = try await RunningServer(dir: work.file("a").path)
        try await server.process.waitForOutput("Ready: ")
        server.process.send(SIGHUP)
        #expect(try await server.process.exitCode() == 0)
        #expect(server.process.errors.contains("caught SIGHUP"))
        #expect(server.process.errors.contains("shutdown completed"))

        let program = try RunningProcess.path(of: "immudb")
        let ignoring = try RunningProcess(
            "/bin/sh",
            ["-c", "trap '' HUP; exec '\(program)' --dir '\(work.file("b").path)' -p 0"])
        try await ignoring.waitForOutput("Ready: ")
        ignoring.send(SIGHUP)
        ignoring.send(SIGHUP)
        try await Task.sleep(for: .milliseconds(200))
        #expect(ignoring.isRunning)
        ignoring.terminate()
        #expect(try await ignoring.exitCode() == 0)
        #expect(!ignoring.errors.contains("SIGHUP"))
    }
}
