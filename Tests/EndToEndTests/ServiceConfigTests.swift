import ChildProcess
import Foundation
import TestTools
import Testing

/// The service's config and rotation, with the programs that read them.
@Suite("The files of the services")
struct ServiceConfigTests {
    private let work = TemporaryFolder()
    private static let deploy = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../deploy").standardizedFileURL

    private func text(_ name: String) throws -> String {
        try String(contentsOf: Self.deploy.appendingPathComponent(name), encoding: .utf8)
    }

    @Test("start immudb with the service's config, in other folders")
    func config() async throws {
        let config = try text("systemd/immudb.toml")
            .replacing("/var/lib/immudb", with: work.file("data").path)
            .replacing("/var/log/immudb/", with: work.file("log").path + "/")
            .replacing("/run/immudb/", with: work.file("run").path + "/")
        let server = try RunningProcess(
            "immudb",
            [
                "--config", work.write("immudb.toml", config), "--detached=false", "-p", "0",
                "--metrics-port", "0",
            ])
        let log = work.file("log/immudb.log")
        try await waitUntil { content(log).contains("Ready: ") }
        #expect(!content(log).contains("WARNING: config file"))
        #expect(FileManager.default.fileExists(atPath: work.file("data/data").path))
        #expect(FileManager.default.fileExists(atPath: work.file("run/immudb.pid").path))
        server.terminate()
        #expect(try await server.exitCode() == 0)
    }

    @Test("immugw starts with the service's config, in other folders")
    func gatewayConfig() async throws {
        let config = try text("systemd/immugw.toml")
            .replacing("/var/lib/immugw", with: work.file("data").path)
            .replacing("/var/log/immudb/", with: work.file("log").path + "/")
            .replacing("/run/immugw/", with: work.file("run").path + "/")
        let gateway = try RunningProcess(
            "immugw",
            ["--config", work.write("immugw.toml", config), "--detached=false", "-p", "0"])
        let log = work.file("log/immugw.log")
        try await waitUntil { content(log).contains("starting immugw: ") }
        #expect(!content(log).contains("WARNING: config file"))
        #expect(FileManager.default.fileExists(atPath: work.file("run/immugw.pid").path))
        gateway.terminate()
        #expect(try await gateway.exitCode() == 0)
    }

    #if os(Linux)
        private static let logrotate = "/usr/sbin/logrotate"

        @Test(
            "make logrotate rename the log, and immudb continue in a new one",
            .enabled(if: FileManager.default.isExecutableFile(atPath: logrotate), "logrotate"))
        func rotation() async throws {
            let log = work.file("log/immudb.log")
            let server = try RunningProcess(
                "immudb",
                [
                    "--dir", work.file("data").path, "-p", "0", "--metrics-port", "0", "--logfile",
                    log.path, "--pidfile", work.file("pid").path,
                ])
            try await waitUntil { content(log).contains("Ready: ") }
            // This machine has neither the user nor systemd.
            let rotation = try text("logrotate/immudb")
                .replacing("/var/log/immudb/immudb.log", with: log.path)
                .replacing(/\n *su immu immu/, with: "")
                .replacing(/if systemctl .* fi/, with: "kill -HUP $(cat \(work.file("pid").path))")
            let file = try work.write("rotation", rotation)
            chmod(file, 0o644)
            let rotated = try await FinishedProcess.run(
                Self.logrotate, ["-f", "-s", work.file("state").path, file])
            #expect(rotated.exitCode == 0, "\(rotated.errors)")
            try await waitUntil { content(log).contains("caught SIGHUP") }
            #expect(content(work.file("log/immudb.log.1")).contains("Ready: "))
            server.terminate()
            #expect(try await server.exitCode() == 0)
            #expect(content(log).contains("shutdown completed"))
        }
    #endif

    private func content(_ file: URL) -> String {
        (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }

    private func waitUntil(_ isTrue: () -> Bool) async throws {
        for _ in 0..<2_000 where !isTrue() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(isTrue())
    }
}
