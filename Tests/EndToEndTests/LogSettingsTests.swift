import Foundation
import TestTools
import Testing

/// The log of the executable: its format, its level, and its file.
@Suite("immudb's log")
struct LogSettingsTests {
    private let work = TemporaryFolder()

    @Test("has an object in each line with --log-format json, from the first to the last")
    func json() async throws {
        let server = try await started(["--log-format", "json"], ["LOG_LEVEL": "debug"])
        let port = try port(of: server)
        let name = "k\u{202e}\n\""
        let set = try await FinishedProcess.run(
            "immuclient", ["-p", "\(port)", "set", name, "v"], directory: work.path)
        #expect(set.exitCode == 0, "\(set.errors)")
        server.terminate()
        #expect(try await server.exitCode() == 0)
        let lines = server.errors.split(separator: "\n")
        let objects = try lines.map {
            try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
        }
        for object in objects {
            #expect(object["time"]?.hasSuffix("Z") == true && object["component"] != nil)
        }
        #expect(objects.first?["message"]?.hasPrefix("Metrics served") == true)
        #expect(objects.last?["message"] == "shutdown completed")
        let debug = try #require(objects.first { $0["rpc"]?.hasSuffix("Set") == true })
        #expect(debug["level"] == "debug")
        #expect(debug["message"]?.contains(name) == true)
        #expect(debug["client"]?.hasPrefix("127.0.0.1:") == true)
        #expect(!server.errors.unicodeScalars.contains("\u{202e}"))
    }

    @Test("lets no name from a client forge a line of text or change its direction")
    func hostileName() async throws {
        let server = try await started([], ["LOG_LEVEL": "debug"])
        let port = try port(of: server)
        let name = "k\u{202e}\n2026/01/01 00:00:00 INFO: forged\u{1b}[2K"
        _ = try await FinishedProcess.run(
            "immuclient", ["-p", "\(port)", "set", name, "v"], directory: work.path)
        server.terminate()
        #expect(try await server.exitCode() == 0)
        let lines = server.errors.split(separator: "\n")
        #expect(
            lines.contains {
                $0.contains(#"k\u{202E}\n2026/01/01"#) && $0.contains(#"\u{1B}[2K"#)
            })
        for line in lines { #expect(line.hasPrefix("immu-server 20"), "\(line)") }
    }

    @Test("changes its level at SIGUSR1 and SIGUSR2, from error to debug and back")
    func level() async throws {
        let server = try await started(["--log-level", "warn"], [:])
        while server.isRunning, !isServing() { try await Task.sleep(for: .milliseconds(10)) }
        var count = 0
        /// Sends a signal and waits for its line. Other lines may come before it.
        func send(_ signal: Int32, _ text: String) async throws {
            func lines() -> [Substring] {
                server.errors.split(separator: "\n").filter { $0.contains("caught SIGUSR") }
            }
            server.send(signal)
            count += 1
            for _ in 0..<2_000 where lines().count < count {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(lines().last?.hasSuffix(" INFO: caught " + text) == true, "\(server.errors)")
        }
        try await send(SIGUSR2, "SIGUSR2: the log's level is now error")
        try await send(SIGUSR2, "SIGUSR2: the log's level is still error")
        for word in ["warn", "info", "debug"] {
            try await send(SIGUSR1, "SIGUSR1: the log's level is now \(word)")
        }
        try await send(SIGUSR1, "SIGUSR1: the log's level is still debug")
        server.terminate()
        #expect(try await server.exitCode() == 0)
        #expect(server.errors.contains("INFO: shutdown completed"))
    }

    @Test(
        "has the level of the flag, else of IMMUDB_LOG_LEVEL, of LOG_LEVEL, of the file",
        arguments: [
            (["--log-level", "info"], ["IMMUDB_LOG_LEVEL": "error", "LOG_LEVEL": "error"], true),
            (
                ["--log-level", "error"], ["IMMUDB_LOG_LEVEL": "debug", "LOG_LEVEL": "debug"], false
            ),
            ([], ["IMMUDB_LOG_LEVEL": "error", "LOG_LEVEL": "debug"], false),
            ([], ["LOG_LEVEL": "INFO"], true),
            ([], [:], false),
        ])
    func precedence(arguments: [String], environment: [String: String], says: Bool) async throws {
        try "log-level = \"error\"".write(
            to: work.file("immudb.toml"), atomically: true, encoding: .utf8)
        let server = try RunningProcess(
            "immudb",
            ["--dir", "data", "-p", "0", "--metrics-port", "0", "--config", "immudb.toml"]
                + arguments,
            environment: environment, directory: work.path)
        while server.isRunning, !isServing() { try await Task.sleep(for: .milliseconds(10)) }
        server.terminate()
        #expect(try await server.exitCode() == 0)
        #expect(server.errors.contains("INFO: ") == says, "\(server.errors)")
    }

    @Test(
        "continues in a new file, and loses no line, by the file for logrotate that ships",
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: logrotate),
            "logrotate is not installed"))
    func rotation() async throws {
        let (log, pid) = (work.file("immudb.log"), work.file("immudb.pid"))
        let server = try RunningProcess(
            "immudb",
            [
                "--dir", "data", "-p", "0", "--metrics-port", "0", "--logfile", log.path,
                "--pidfile",
                pid.path,
            ], directory: work.path)
        try await waitFor("Ready: ", in: log)
        let shipped = URL(fileURLWithPath: #filePath)
            .appendingPathComponent("../../../deploy/logrotate/immudb").standardizedFileURL
        // Without systemd, the pid file identifies the process, as docs/server.md describes.
        let text = try String(contentsOf: shipped, encoding: .utf8)
            .replacing("/var/log/immudb/immudb.log", with: log.path)
            .replacing(/[ ]+su immu immu\n/, with: "")
            .replacing(/if systemctl .*\n/, with: "kill -HUP \"$(cat \(pid.path))\"\n")
        #expect(text.contains("kill -HUP") && !text.contains("systemctl"))
        let settings = work.file("rotate.conf")
        try text.write(to: settings, atomically: true, encoding: .utf8)
        // logrotate refuses a file that others can write.
        chmod(settings.path, 0o644)
        let rotated = try await FinishedProcess.run(
            Self.logrotate, ["-f", "-s", work.file("state").path, settings.path])
        #expect(rotated.exitCode == 0, "\(rotated.errors)")
        try await waitFor("caught SIGHUP", in: log)
        server.terminate()
        #expect(try await server.exitCode() == 0)
        #expect(content(of: log).contains("shutdown completed"))
        let old = content(of: work.file("immudb.log.1"))
        #expect(old.contains("Ready: ") && !old.contains("SIGHUP"))
    }

    private static let logrotate = "/usr/sbin/logrotate"

    // MARK: pieces

    private func started(
        _ arguments: [String], _ environment: [String: String]
    ) async throws -> RunningProcess {
        let server = try RunningProcess(
            "immudb", ["--dir", "data", "-p", "0", "--metrics-port", "0"] + arguments,
            environment: environment, directory: work.path)
        if arguments.first != "--log-level" { try await server.waitForOutput("Ready: ") }
        return server
    }

    /// Whether the server in the working folder has created its identifier.
    private func isServing() -> Bool {
        FileManager.default.fileExists(atPath: work.file("data/immudb.identifier").path)
    }

    private func port(of server: RunningProcess) throws -> Int {
        let match = server.errors.firstMatch(of: /serves 127\.0\.0\.1:([0-9]+)/)
        return try #require(match.flatMap { Int($0.1) })
    }

    private func content(of file: URL) -> String {
        (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }

    private func waitFor(_ text: String, in file: URL) async throws {
        for _ in 0..<1_000 where !content(of: file).contains(text) {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(content(of: file).contains(text))
    }
}
