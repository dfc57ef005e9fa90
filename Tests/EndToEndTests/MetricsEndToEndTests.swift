import Foundation
import TestTools
import Testing

/// The metrics that the executable serves to Prometheus and probes.
@Suite("immudb's metrics")
struct MetricsEndToEndTests {
    @Test("are served over HTTP, as Prometheus itself reads them, and grow with the calls")
    func scrape() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.file("db").path)
        let port = try server.metricsPort()
        try await PythonPeer.run("metrics.py", ["\(port)", "\(server.port)"], against: server)
        #expect(try await server.stop() == 0)
    }

    private static let tools = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../.build-tools/usr/bin").standardizedFileURL
    private static let deploy = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../deploy").standardizedFileURL

    @Test(
        "answer the queries of the dashboard and the alerts in Debian's Prometheus",
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: tools.path + "/prometheus"),
            "make prometheus unpacks it, on Debian"))
    func dashboard() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.file("db").path)
        let port = try server.metricsPort()
        let auditor = try RunningProcess(
            "immuclient",
            [
                "-p", "\(server.port)", "audit-mode", "run", "--dir", data.file("auditor").path,
                "--prometheus-port", "0", "--audit-interval", "500ms",
            ])
        let line = try await auditor.waitForOutput("Metrics served at")
        let address = try #require(line.firstMatch(of: /127\.0\.0\.1:([0-9]+)/))
        try await PythonPeer.run(
            "dashboard.py",
            [
                "\(port)", "\(server.port)", Self.tools.path, Self.deploy.path, data.path,
                String(address.1),
            ], against: server)
        auditor.terminate()
        #expect(try await auditor.exitCode() == 0)
        #expect(try await server.stop() == 0)
    }

    @Test("let the server stop in order while clients connect to them without end")
    func stopUnderConnections() async throws {
        for _ in 0..<6 {
            let data = TemporaryFolder()
            let server = try await RunningServer(dir: data.file("db").path)
            let port = try server.metricsPort()
            let request = #"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"#
            let clients = try (0..<3).map { _ in
                try RunningProcess(
                    "/bin/bash",
                    [
                        "-c",
                        "while { exec 3<>/dev/tcp/127.0.0.1/\(port); } 2>/dev/null; do "
                            + "printf '\(request)' >&3; head -c 64 <&3; exec 3>&-; done",
                    ])
            }
            try await clients[0].waitForOutput("200 OK")
            #expect(try await server.stop() == 0)
            for client in clients { client.kill() }
        }
    }

    @Test("are served beside more connections that ask for nothing than there is room for")
    func idleClients() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.file("db").path)
        let port = try server.metricsPort()
        let idle = try RunningProcess.idleClients(of: port)
        try await idle.waitForOutput("connected")
        for _ in 0..<3 {
            let scrape = try await FinishedProcess.run(
                "/usr/bin/curl", ["-sSf", "-m", "10", "http://127.0.0.1:\(port)/metrics"])
            #expect(scrape.output.contains("immudb_uptime_hours"), "\(scrape.errors)")
        }
        idle.kill()
        #expect(try await server.stop() == 0)
    }

    @Test("end a start that names a port in use; the default port in use is a warning")
    func portInUse() async throws {
        let data = TemporaryFolder()
        let first = try await RunningServer(dir: data.file("db").path)
        let port = try first.metricsPort()
        let refused = try await FinishedProcess.run(
            "immudb",
            ["--dir", data.file("other").path, "-p", "0", "--metrics-port", "\(port)"])
        #expect(refused.exitCode == 1)
        #expect(refused.errors.contains("cannot listen on 127.0.0.1:\(port) for metrics: "))
        #expect(refused.errors.contains("Give another port with --metrics-port"))
        #expect(!FileManager.default.fileExists(atPath: data.file("other").path))
        #expect(try await first.stop() == 0)
    }

    @Test(
        "end the start if their address is unusable, and name it, not the port",
        arguments: ["999.1.1.1", "192.0.2.1", "no-such-host.invalid"])
    func address(address: String) async throws {
        let data = TemporaryFolder()
        let refused = try await FinishedProcess.run(
            "immudb",
            ["--dir", data.file("db").path, "-p", "0", "--metrics-address", address])
        #expect(refused.exitCode == 1)
        #expect(
            refused.errors.contains("cannot listen on \(address):9497 for metrics: "),
            "\(refused.errors)")
        #expect(refused.errors.contains("Give another address with --metrics-address"))
        #expect(!refused.errors.contains("--metrics-port"))
        #expect(!FileManager.default.fileExists(atPath: data.file("db").path))
    }
}
