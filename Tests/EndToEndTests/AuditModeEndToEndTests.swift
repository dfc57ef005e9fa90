import Foundation
import ImmudbClient
import TestTools
import Testing

@Suite("immuclient audit-mode against a real immudb")
struct AuditModeEndToEndTests {
    private let folder = TemporaryFolder()

    private func audit(
        _ port: Int, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(port)", "audit-mode"] + arguments, environment: environment,
            directory: folder.path)
    }

    private func once(_ port: Int, _ arguments: [String] = []) async throws -> FinishedProcess {
        try await audit(port, ["run", "--once", "--audit-period", "0"] + arguments)
    }

    private func fill(_ server: RunningServer, _ count: Int, _ prefix: String) async throws {
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        try await client.rawSetBatch((0..<count).map { (Array("\(prefix)\($0)".utf8), [1, 2, 3]) })
        try await client.set(Array("\(prefix)".utf8), [1])
        await client.close()
    }

    @Test("says by its exit code whether the server holds, was rolled back, replaced, or is away")
    func exitCodes() async throws {
        let (live, copy) = (folder.file("db").path, folder.file("copy").path)
        var server = try await RunningServer(dir: live)
        try await fill(server, 3_000, "a")
        let first = try await once(server.port)
        #expect(first.exitCode == 0, "\(first.errors)")
        #expect(first.output.contains("consistent: true, verdict: consistent, firstRoot: none"))
        // 64 of them were drawn besides.
        #expect(first.output.contains("entries read: 3065"))
        let port = server.port
        #expect(try await server.stop() == 0)
        try FileManager.default.copyItem(atPath: live, toPath: copy)

        let away = try await once(port)
        #expect(away.exitCode == 5)
        #expect(away.errors.contains("the audit could not be finished, unreachable"))

        server = try await RunningServer(dir: live, port: port)
        try await fill(server, 500, "b")
        let second = try await once(port, ["--json"])
        #expect(second.exitCode == 0, "\(second.errors)")
        #expect(second.output.contains(#""verdict":"consistent""#))
        #expect(second.output.contains(#""previousRoot":{"hash":""#))
        #expect(try await server.stop() == 0)

        server = try await RunningServer(dir: copy, port: port)
        let older = try await once(port)
        #expect(older.exitCode == 3)
        #expect(older.errors.contains("AUDIT FAILED, rolled-back: do not trust this server"))
        #expect(older.errors.contains("evidence in"))
        // It has grown beyond what was trusted, with other entries.
        try await fill(server, 900, "c")
        let fork = try await once(port, ["--json"])
        #expect(fork.exitCode == 3)
        #expect(fork.errors.contains(#""check":"forked""#))
        #expect(try await server.stop() == 0)

        server = try await RunningServer(dir: folder.file("new").path, port: port)
        let replaced = try await once(port)
        #expect(replaced.exitCode == 3)
        #expect(replaced.errors.contains("AUDIT FAILED, replaced"))
        #expect(try await server.stop() == 0)

        let status = try await audit(port, ["status"])
        #expect(status.exitCode == 0, "\(status.errors)")
        #expect(status.output.contains("auditor:\t\tdoes not run\nverdict:\treplaced\n"))
        #expect(status.output.contains("log:\t\t6 lines, whole and signed by"))
        let log = folder.file(".immudb/auditor/roots.log")
        let text = try String(contentsOf: log, encoding: .utf8)
        try Data(text.replacing("\"size\":3001", with: "\"size\":3002").utf8).write(to: log)
        for arguments in [["status"], ["run", "--once"]] {
            let changed = try await audit(port, arguments)
            #expect(changed.exitCode == 3, "\(changed.errors)")
            #expect(changed.errors.contains("was changed: line"))
        }
    }

    @Test(
        "runs in the background, serves metrics and roots, finds a server that goes away and comes back, and stops"
    )
    func background() async throws {
        let data = folder.file("db").path
        var server = try await RunningServer(dir: data)
        try await fill(server, 10, "a")
        let port = server.port
        let settings = [
            "--audit-period", "0", "--prometheus-port", "0", "--dir", folder.file("auditor").path,
        ]
        let interval = ["audit-agent-interval": "100ms"]
        let started = try await audit(port, ["start"] + settings, environment: interval)
        #expect(started.exitCode == 0, "\(started.errors)")
        let again = try await audit(port, ["start"] + settings, environment: interval)
        #expect(again.exitCode == 1)
        #expect(again.errors.contains("pid file found"), "\(again.errors)")
        func log() -> String {
            (try? String(contentsOf: folder.file("auditor/auditor-process.log"), encoding: .utf8))
                ?? ""
        }
        func waitForLog(_ text: String) async throws {
            let end = ContinuousClock.now + .seconds(30)
            while !log().contains(text) {
                try #require(ContinuousClock.now < end, "no \(text) in \(log())")
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        try await waitForLog("audit #2 result: db: immudb, consistent: true")
        let place = String(
            try #require(log().firstMatch(of: /http:\/\/127\.0\.0\.1:[0-9]+/)).0)
        func get(_ path: String) async throws -> String {
            try await FinishedProcess.run("/usr/bin/curl", ["-sSf", "-m", "10", place + path])
                .output
        }
        #expect(try await get("/metrics").contains("immuclient_audit_result_per_server{server_id="))
        #expect(try await get("/roots").contains(#""size":11"#))
        #expect(try await get("/readyz") == "ok\n")
        let idle = try RunningProcess.idleClients(
            of: Int(try #require(place.split(separator: ":").last)) ?? 0)
        try await idle.waitForOutput("connected")
        #expect(try await get("/roots").contains(#""size":11"#))
        idle.kill()
        let status = try await audit(port, ["status", "--json"] + settings)
        #expect(status.output.contains(#""running":true"#))
        #expect(status.output.contains(#""verdict":"consistent""#))

        #expect(try await server.stop() == 0)
        try await waitForLog("verdict: unreachable")
        server = try await RunningServer(dir: data, port: port)
        let before = log().components(separatedBy: "verdict: unreachable").count
        #expect(before > 1)
        let end = ContinuousClock.now + .seconds(30)
        while true {
            let last = log().split(separator: "\n").last { $0.contains("result:") }
            if last?.contains("consistent: true") == true { break }
            try #require(ContinuousClock.now < end, "\(log())")
            try await Task.sleep(for: .milliseconds(50))
        }

        let stopped = try await audit(port, ["stop"] + settings)
        #expect(stopped.exitCode == 0, "\(stopped.errors)")
        #expect(stopped.output == "auditor stopped\n")
        #expect(!FileManager.default.fileExists(atPath: folder.file("auditor/auditor.pid").path))
        let none = try await audit(port, ["stop"] + settings)
        #expect(none.exitCode == 1)
        #expect(none.errors.contains("the auditor does not run"))
        #expect(try await server.stop() == 0)
    }

    @Test("says what is wrong with its settings, and where to have it as a service")
    func settings() async throws {
        for (arguments, said) in [
            (
                ["run", "--once", "--audit-signature", "validate"],
                "name the server's public key with"
            ),
            (["run", "--once", "--audit-period", "soon"], "give a duration such as 60s"),
            (["run", "--once", "--audit-interval", "1ms"], "give 100ms or more"),
            (["run", "--once", "--audit-password", "enc:?"], "behind enc: there has to be base64"),
            (
                ["run", "--once", "--audit-notification-url", "example"],
                "give a URL that begins with"
            ),
            (["install"], "immuadmin service auditor install"),
            (["status", "--once"], "--once goes with run"),
        ] as [([String], String)] {
            let run = try await audit(1, arguments)
            #expect(run.exitCode == 1)
            #expect(run.errors.contains(said), "\(run.errors)")
        }
        let help = try await audit(1, ["help"])
        #expect(help.output.contains("--audit-notification-url"))
        #expect(!help.output.contains("--immudb-port"))
        let other = try await FinishedProcess.run("immuclient", ["help", "get", "--all"])
        #expect(!other.output.contains("--audit-notification-url"))
        let idle = try await FinishedProcess.run(
            "immuclient", ["version", "--audit-sample", "3"], directory: folder.path)
        #expect(idle.errors.contains("--audit-sample has no effect without audit-mode"))
    }
}
