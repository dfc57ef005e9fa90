import Foundation
import TestTools
import Testing

/// `immudb` as an operator runs it: with pid file and log file, in the background.
@Suite("immudb as a daemon")
struct DaemonTests {
    @Test(
        "returns from -d when it serves, in its own session, and stops at a SIGTERM to its pid",
        arguments: [
            (["-d"], [:]), (["--detached=true"], [:]), (["-dp0"], [:]),
            ([], ["IMMUDB_DETACHED": "true"]), (["--config", "detached.yaml"], [:]),
        ] as [([String], [String: String])])
    func detached(arguments: [String], environment: [String: String]) async throws {
        let data = TemporaryFolder()
        try Data("detached: true\n".utf8).write(to: data.file("detached.yaml"))
        // The file is gone when the server has stopped; it is there only if the test fails.
        defer { if let pid = pid_t(text(data.file("run/pid"))) { kill(pid, SIGKILL) } }
        let server = try await FinishedProcess.run(
            "immudb",
            ["-p", "0", "--pidfile", "run/pid", "--logfile", "log/immudb.log"] + arguments,
            environment: environment, directory: data.path)
        let pid = try #require(pid_t(text(data.file("run/pid"))), "\(server.errors)")
        #expect(server.exitCode == 0)
        #expect(server.errors.isEmpty)
        #expect(getsid(pid) == pid)
        #expect(getpgid(pid) == pid)
        let log = text(data.file("log/immudb.log"))
        #expect(log.contains("\"Detached\":true"))
        // The log has one start: one server has started, and no other tried.
        #expect(log.components(separatedBy: "starting immudb").count == 2)
        #expect(!log.contains("ERROR"))
        let port = try #require(log.firstMatch(of: /"Port":([0-9]+)/)?.1)
        let ping = try await FinishedProcess.run("immuclient", ["-p", String(port), "ping"])
        #expect(ping.output == "Health check OK\n")

        #expect(kill(pid, SIGTERM) == 0)
        try await waitUntil { text(data.file("log/immudb.log")).contains("shutdown completed") }
        try await waitUntil { !FileManager.default.fileExists(atPath: data.file("run/pid").path) }
    }

    @Test("reports why -d has failed on the standard error, and exits with 1")
    func detachedFails() async throws {
        let data = TemporaryFolder()
        let first = try await RunningServer(dir: data.file("db").path)
        let cases = [
            (["--dir", "db", "-p", "0"], "is locked"),
            (["--dir", "other", "-p", "\(first.port)"], "another port with -p"),
            (["--dir", "db", "-p", "0", "--logfile", "log"], "is locked"),
            (["-p", "0", "--pidfile", "."], "Pid filename is invalid: ."),
            (["-p", "0", "--pidfile", "new/"], "Pid filename is invalid: new/"),
            (["-p", "0", "--logfile", "new/"], "Unable to create log file new/: Is a directory"),
            (["-p", "0", "--logfile", "a/b/c"], "Unable to create log folder a/b"),
        ]
        for (arguments, reason) in cases {
            let second = try await FinishedProcess.run(
                "immudb", ["-d"] + arguments, directory: data.path)
            #expect(second.exitCode == 1)
            #expect(second.errors.hasPrefix("Error: "))
            #expect(second.errors.contains(reason), "\(second.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: data.file("new").path))
        // The log has it, too.
        #expect(text(data.file("log")).contains("ERROR: Unable to open sysstore: "))
        #expect(try await first.stop() == 0)
    }

    @Test("refuses a pid file of another server before it touches any data")
    func pidFileInUse() async throws {
        let data = TemporaryFolder()
        let path = data.file("pid").path
        let first = try await RunningServer(
            dir: data.file("a").path, arguments: ["--pidfile", path])
        #expect(text(data.file("pid")) == "\(first.process.identifier)")
        let second = try await FinishedProcess.run(
            "immudb", ["--dir", data.file("b").path, "-p", "0", "--pidfile", path])
        #expect(second.exitCode == 1)
        #expect(
            second.errors.contains(
                "ERROR: pid file found, ensure immudb is not running or delete \(path)"))
        #expect(!FileManager.default.fileExists(atPath: data.file("b").path))
        #expect(text(data.file("pid")) == "\(first.process.identifier)")
        #expect(try await first.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("takes over the pid file of a killed server, and removes that of a failed start")
    func stalePidFile() async throws {
        let data = TemporaryFolder()
        let path = data.file("pid").path
        let first = try await RunningServer(dir: data.path, arguments: ["--pidfile", path])
        first.process.kill()
        _ = try await first.process.exitCode()
        #expect(FileManager.default.fileExists(atPath: path))
        let second = try await RunningServer(dir: data.path, arguments: ["--pidfile", path])
        #expect(text(data.file("pid")) == "\(second.process.identifier)")
        let third = try await FinishedProcess.run(
            "immudb", ["--dir", data.path, "-p", "0", "--pidfile", path + "2"])
        #expect(third.exitCode == 1)
        #expect(!FileManager.default.fileExists(atPath: path + "2"))
        #expect(try await second.stop() == 0)
    }

    @Test("keeps the standard error empty with a log file, and appends to the file after a restart")
    func logFile() async throws {
        let data = TemporaryFolder()
        for start in 1...2 {
            let process = try RunningProcess(
                "immudb", ["--dir", data.path, "-p", "0", "--logfile", "log/immudb.log"],
                environment: ["LOG_LEVEL": "loud"], directory: data.path)
            try await waitUntil {
                text(data.file("log/immudb.log")).components(separatedBy: "starting immudb").count
                    == start + 1
            }
            process.terminate()
            #expect(try await process.exitCode() == 0)
            #expect(process.errors.isEmpty)
        }
        let lines = text(data.file("log/immudb.log")).split(separator: "\n")
        let format = /immudb \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (ERROR|WARNING|INFO|DEBUG): .*/
        for line in lines { #expect(try format.wholeMatch(in: line) != nil, "\(line)") }
        #expect(lines.contains { $0.contains("WARNING: LOG_LEVEL is \"loud\", none of") })
        #expect(lines.filter { $0.contains("shutdown completed") }.count == 2)
    }

    @Test("stops within its deadline, whatever its clients do")
    func stubbornClients() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        let openings: [[UInt8]] = [
            // Idle; half a preface; idle as HTTP/2; half a frame; a call whose request never ends.
            [], Array(preface.prefix(10)), preface + settings, preface + settings + [0, 0, 9, 1],
            preface + settings + setWithoutEnd(),
        ]
        let clients = try openings.map { try connection(to: server.port, saying: $0) }
        defer { for client in clients { close(client) } }
        try await Task.sleep(for: .milliseconds(300))
        let start = ContinuousClock.now
        server.process.terminate()
        #expect(try await server.process.exitCode(timeoutSeconds: 60) == 0)
        let log = server.process.errors
        // Measures the end of the process, not of this test's wait for it, which goes on for
        // seconds when many tests run at once.
        let end = try #require(server.process.endedAt)
        #expect(start.duration(to: end) < .seconds(13), "\(log)")
        // Four of the five have no call, but the server cannot tell them from clients that are
        // about to make one. On a busy machine some of them were told to go before.
        #expect(
            log.contains(/INFO: waiting for calls of [1-5] connections?, for 10 seconds at most/))
        #expect(log.contains(/WARNING: cutting [1-5] connections?:/))
        #expect(log.contains("shutdown completed"))
    }

    @Test("listens on IPv6, with and without brackets", arguments: ["::1", "[::1]"])
    func version6(address: String) async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path, arguments: ["-a", address])
        let ping = try await FinishedProcess.run(
            "immuclient", ["-a", "::1", "-p", "\(server.port)", "ping"])
        #expect(ping.output == "Health check OK\n", "\(ping.errors)")
        let second = try await FinishedProcess.run(
            "immudb", ["-a", address, "-p", "\(server.port)", "--dir", data.path])
        #expect(second.errors.contains("unable to listen: [::1]:\(server.port): Address already"))
        #expect(try await server.stop() == 0)
    }

    // MARK: pieces

    private func text(_ file: URL) -> String {
        (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }

    private func waitUntil(_ isSo: () -> Bool) async throws {
        let end = Date(timeIntervalSinceNow: 20)
        while !isSo() {
            try #require(Date() < end, "it did not happen in time")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Returns a HEADERS frame that opens a Set, without DATA.
    private func setWithoutEnd() -> [UInt8] {
        let fields = [
            (":method", "POST"), (":scheme", "http"), (":path", "/immudb.schema.ImmuService/Set"),
            (":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        // Literal fields without indexing, RFC 7541 section 6.2.2.
        let block = fields.flatMap { (name, value) -> [UInt8] in
            [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)]
                + Array(value.utf8)
        }
        let endHeaders: UInt8 = 4
        return [0, 0, UInt8(block.count), 1, endHeaders, 0, 0, 0, 1] + block
    }

    private func connection(to port: Int, saying bytes: [UInt8]) throws -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        try #require(write(socket, bytes, bytes.count) == bytes.count)
        return socket
    }
}
