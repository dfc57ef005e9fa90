import Foundation
import TestTools
import Testing

/// How `immugw` starts, refuses to start, and stops. What it serves is in other suites.
@Suite("immugw's lifecycle")
struct GatewayProgramTests {
    private let work = TemporaryFolder()

    @Test(
        "starts without an immudb, and ends with 0 at SIGTERM and SIGINT",
        arguments: [SIGTERM, SIGINT])
    func stops(signal: Int32) async throws {
        let gateway = try await RunningGateway(in: work)
        gateway.process.send(signal)
        gateway.process.send(signal)
        #expect(try await gateway.process.exitCode(timeoutSeconds: 15) == 0)
        let lines = gateway.process.errors.split(separator: "\n")
        let format = /immugw-server \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (ERROR|WARNING|INFO|DEBUG): .*/
        for line in lines { #expect(try format.wholeMatch(in: line) != nil, "\(line)") }
        let name = signal == SIGTERM ? "SIGTERM" : "SIGINT"
        #expect(lines.contains { $0.hasSuffix(" INFO: caught \(name)") })
        #expect(
            lines.contains { $0.contains(" INFO: stopping immugw: {\"Address\":\"127.0.0.1\",") })
        #expect(lines.last?.hasSuffix(" INFO: shutdown completed") == true)
        #expect(gateway.process.output.isEmpty)
    }

    @Test("does not start on a port in use: exit code 1, and the reason")
    func portInUse() async throws {
        let first = try await RunningGateway(in: work)
        for arguments in [[], ["-d"]] {
            let second = try await FinishedProcess.run(
                "immugw", ["-p", "\(first.port)"] + arguments, directory: work.path)
            #expect(second.exitCode == 1)
            #expect(second.errors.contains("127.0.0.1:\(first.port)"), "\(second.errors)")
            #expect(second.errors.contains("Address already in use"), "\(second.errors)")
        }
        #expect(try await first.stop() == 0)
    }

    @Test(
        "returns from -d when it serves, with pid file and log, and stops at a SIGTERM to its pid",
        arguments: [["-d"], ["--detached=true"], ["-dp0"]])
    func detached(arguments: [String]) async throws {
        let (log, pidFile) = (work.file("log/immugw.log"), work.file("run/pid"))
        // Gone with its file, unless the test fails.
        defer { if let pid = pid_t(content(pidFile)) { kill(pid, SIGKILL) } }
        let started = try await FinishedProcess.run(
            "immugw",
            ["-p", "0", "--pidfile", "run/pid", "--logfile", "log/immugw.log"] + arguments,
            directory: work.path)
        #expect(started.exitCode == 0 && started.errors.isEmpty, "\(started.errors)")
        let pid = try #require(pid_t(content(pidFile)))
        #expect(getsid(pid) == pid)
        let lines = content(log).split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("immugw 2") })
        #expect(lines.contains { $0.contains("starting immugw: ") })
        #expect(content(log).contains("\"Detached\":true"))
        #expect(kill(pid, SIGTERM) == 0)
        try await waitUntil { content(log).contains("shutdown completed") }
        try await waitUntil { !FileManager.default.fileExists(atPath: pidFile.path) }
    }

    @Test("refuses the pid file of another gateway")
    func pidFileInUse() async throws {
        let path = work.file("pid").path
        let first = try await RunningGateway(in: work, ["--pidfile", path])
        #expect(content(work.file("pid")) == "\(first.process.identifier)")
        let second = try await FinishedProcess.run(
            "immugw", ["-p", "0", "--pidfile", path], directory: work.path)
        #expect(second.exitCode == 1)
        #expect(
            second.errors.contains("pid file found, ensure immugw is not running or delete \(path)")
        )
        #expect(try await first.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("goes on in a new log file at SIGHUP; without one, SIGHUP stops it")
    func hangUp() async throws {
        let (log, old) = (work.file("immugw.log"), work.file("immugw.log.1"))
        let process = try RunningProcess(
            "immugw", ["-p", "0", "--logfile", log.path], directory: work.path)
        try await waitUntil { content(log).contains("starting immugw") }
        try FileManager.default.moveItem(at: log, to: old)
        process.send(SIGHUP)
        try await waitUntil { content(log).contains("caught SIGHUP") }
        process.terminate()
        #expect(try await process.exitCode() == 0)
        #expect(content(log).contains("shutdown completed"))

        let plain = try await RunningGateway(in: work)
        plain.process.send(SIGHUP)
        #expect(try await plain.process.exitCode() == 0)
    }

    @Test("changes its log's level at SIGUSR1 and SIGUSR2")
    func level() async throws {
        let gateway = try await RunningGateway(in: work, ["--log-format", "json"])
        gateway.process.send(SIGUSR1)
        try await gateway.process.waitForOutput("caught SIGUSR1: the log's level is now debug")
        gateway.process.send(SIGUSR2)
        try await gateway.process.waitForOutput("caught SIGUSR2: the log's level is now info")
        #expect(try await gateway.stop() == 0)
        for line in gateway.process.errors.split(separator: "\n") {
            let object = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
            #expect(object["component"] != nil && object["time"]?.hasSuffix("Z") == true)
        }
    }

    // MARK: settings

    @Test("has the defaults of the config file that ships, which has all settings")
    func shippedFile() async throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../configs/immugw.toml.dist").standardizedFileURL
        var options: [String] = []
        for arguments in [["--config", file.path], []] {
            let gateway = try await RunningGateway(in: work, arguments)
            options.append(
                gateway.startLine.replacing(/^.*starting immugw/, with: "")
                    .replacing(/"Port":[0-9]+/, with: "").replacing(/"Config":"[^"]*"/, with: ""))
            #expect(gateway.process.output.contains("Using config file: ") == !arguments.isEmpty)
            #expect(try await gateway.stop() == 0)
        }
        #expect(options[0] == options[1])
        let text = try String(contentsOf: file, encoding: .utf8)
        let help = try await FinishedProcess.run("immugw", ["--help"]).output
        let flags = help.matches(of: /--([a-z-]+)\s/).map { String($0.1) }
        #expect(flags.count > 10)
        for flag in flags where !["config", "help", "version"].contains(flag) {
            #expect(text.contains("\n\(flag) = "), "\(flag) is missing")
        }
    }

    @Test("prefers a flag to the environment, and that to the file that is found")
    func precedence() async throws {
        try FileManager.default.createDirectory(
            at: work.file("configs"), withIntermediateDirectories: false)
        try "port = 1\nimmudb-port = 2\nimmudb-address = \"file\"".write(
            to: work.file("configs/immugw.toml"), atomically: true, encoding: .utf8)
        let gateway = try await RunningGateway(
            in: work, environment: ["IMMUGW_PORT": "3", "IMMUGW_IMMUDB-PORT": "4"])
        #expect(gateway.startLine.contains("\"ImmudbAddress\":\"file\",\"ImmudbPort\":4,"))
        #expect(gateway.process.output.hasSuffix("/configs/immugw.toml\n"))
        #expect(try await gateway.stop() == 0)
    }

    @Test(
        "names what is wrong, ends with 1 and makes nothing",
        arguments: [
            (["--bogus"], "unknown flag: --bogus"), (["serve"], "unknown command \"serve\""),
            (["-p", "many"], "give a whole number from 0 to 65535"),
            (["-j", "0"], "flag --immudb-port is \"0\": give a whole number from 1 to 65535"),
            (["--config", "none.toml"], "config file none.toml cannot be read: No such file"),
            (["--tls-key", "k"], "--tls-certificate and --tls-key belong together"),
            (["--strict=maybe"], "flag --strict is \"maybe\": give true or false"),
            (["--logfile", "a/b/c"], "Unable to create log folder a/b"),
            (["--logfile", "x", "--pidfile", "./x"], "are one file: name two"),
        ])
    func wrong(arguments: [String], said: String) async throws {
        let finished = try await FinishedProcess.run("immugw", arguments, directory: work.path)
        #expect(finished.exitCode == 1)
        #expect(finished.errors.contains(said), "\(finished.errors)")
        #expect(finished.output.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path).isEmpty)
    }

    @Test("shows version and help, and writes its man pages")
    func versionAndHelp() async throws {
        let version = try await FinishedProcess.run("immugw", ["version"])
        #expect(version.exitCode == 0)
        #expect(version.output.contains(/^immugw [0-9.]+\n$/))
        for arguments in [["help"], ["--help"], ["-h"]] {
            let help = try await FinishedProcess.run("immugw", arguments)
            #expect(help.exitCode == 0)
            for word in ["--immudb-address", "--strict", "--tls-key", "--dir", "version"] {
                #expect(help.output.contains(word))
            }
        }
        let pages = try await FinishedProcess.run(
            "immugw", ["mangen", "man"], directory: work.path)
        #expect(pages.exitCode == 0)
        let page = content(work.file("man/immugw.1"))
        #expect(page.contains("\\fB\\-\\-immudb\\-port\\fR=\\fInumber\\fR"))
        #expect(page.contains("\nIMMUGW_DIR\n"))
    }

    // MARK: pieces

    private func content(_ file: URL) -> String {
        (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }

    private func waitUntil(_ isSo: () -> Bool) async throws {
        for _ in 0..<2_000 where !isSo() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(isSo())
    }
}

/// `immugw` on a free port of the loopback, serving.
final class RunningGateway {
    let process: RunningProcess
    /// The log's line with its options.
    let startLine: String
    /// The port that it listens on.
    let port: Int

    /// Returns when it serves.
    ///
    /// - Parameter folder: where it runs.
    init(
        in folder: TemporaryFolder, _ arguments: [String] = [], environment: [String: String] = [:]
    ) async throws {
        process = try RunningProcess(
            "immugw", ["-p", "0"] + arguments, environment: environment, directory: folder.path)
        startLine = try await process.waitForOutput("starting immugw: ")
        let text = startLine.replacing("\\\"", with: "\"")
        port = try #require((text.firstMatch(of: /"Port":([0-9]+)/)?.1).flatMap { Int($0) })
    }

    /// SIGTERM, and the exit code.
    func stop() async throws -> Int32 {
        process.terminate()
        return try await process.exitCode()
    }
}
