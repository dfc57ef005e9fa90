import Foundation
import TestCertificates
import TestTools
import Testing

/// The REST interface by a client that shares no code with it, `rest.py`: of immugw beside immudb, and of immudb's own
/// gateway, which answer the same.
@Suite("The REST interface")
struct GatewayRoutesTests {
    private let work = TemporaryFolder()

    private func server(_ arguments: [String] = []) async throws -> RunningServer {
        try await RunningServer(dir: work.file("db").path, arguments: arguments)
    }

    private func gateway(_ server: RunningServer, _ arguments: [String] = []) async throws
        -> RunningGateway
    {
        try await RunningGateway(in: work, ["--dir", "gw", "-j", "\(server.port)"] + arguments)
    }

    /// The port of immudb's own gateway.
    private func port(_ server: RunningServer) async throws -> Int {
        let line = try await server.process.waitForOutput("Gateway served at ")
        return try #require(line.firstMatch(of: /:([0-9]+)\/?$/).flatMap { Int($0.1) })
    }

    @Test("is that of immugw 0.6, route by route, with what is wrong there mended")
    func data() async throws {
        let server = try await server()
        let gateway = try await gateway(server)
        try await PythonPeer.run("rest.py", ["\(gateway.port)", "data"], against: server)
        #expect(try await gateway.stop() == 0)
        #expect(try await server.stop() == 0)
        let roots = try FileManager.default.contentsOfDirectory(atPath: work.file("gw").path)
        #expect(roots.contains { $0.hasPrefix(".root-") }, "\(roots)")
    }

    @Test("is the same in immudb's own process")
    func embedded() async throws {
        let server = try await server(["--gateway", "--gateway-port", "0"])
        try await PythonPeer.run("rest.py", ["\(try await port(server))", "data"], against: server)
        #expect(try await server.stop() == 0)
    }

    @Test(
        "asks for the token of a user, and takes no caller for somebody else",
        arguments: [true, false])
    func users(isEmbedded: Bool) async throws {
        let server = try await server(
            ["--auth"] + (isEmbedded ? ["--gateway", "--gateway-port", "0"] : []))
        let login = try await FinishedProcess.run(
            "immuadmin", ["-p", "\(server.port)", "login", "immu"],
            environment: ["HOME": work.path], directory: work.path)
        let password = try #require(login.output.firstMatch(of: /password: (.{32})\n/)?.1)
        let gateway = isEmbedded ? nil : try await gateway(server)
        let port = if let gateway { gateway.port } else { try await port(server) }
        try await PythonPeer.run(
            "rest.py", ["\(port)", "users", String(password)], against: server)
        if let gateway { #expect(try await gateway.stop() == 0) }
        #expect(try await server.stop() == 0)
    }

    @Test("says that immudb is away, serves when it comes, and goes on when it comes back")
    func away() async throws {
        let first = try await server()
        let gateway = try await gateway(first)
        #expect(try await first.stop() == 0)
        try await PythonPeer.run("rest.py", ["\(gateway.port)", "away"])
        let second = try await RunningServer(dir: work.file("db").path, port: first.port)
        var isReady = false
        for _ in 0..<100 where !isReady {
            isReady = try await curl(gateway, "readyz").exitCode == 0
            if !isReady { try await Task.sleep(for: .milliseconds(100)) }
        }
        #expect(isReady)
        try await PythonPeer.run("rest.py", ["\(gateway.port)", "data"], against: second)
        #expect(try await gateway.stop() == 0)
        #expect(gateway.process.errors.contains(" INFO: immudb "), "\(gateway.process.errors)")
        #expect(try await second.stop() == 0)
    }

    private func curl(_ gateway: RunningGateway, _ path: String) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "/usr/bin/curl", ["-sSf", "http://127.0.0.1:\(gateway.port)/\(path)"])
    }

    @Test(
        "is served over TLS, and reaches immudb over mutual TLS, with certificates that are read again"
    )
    func tls() async throws {
        let certificates = try TestCertificates()
        let own = try certificates.issue("server", .server)
        let client = try certificates.issue("client", .client, for: "gateway")
        let server = try await server([
            "--mtls", "--certificate", own.certificate, "--pkey", own.key, "--clientcas",
            certificates.authorities,
        ])
        let gateway = try await gateway(
            server,
            [
                "-m", "--certificate", client.certificate, "--pkey", client.key, "--clientcas",
                certificates.authorities, "--tls-certificate", own.certificate, "--tls-key",
                own.key,
            ])
        let call = [
            "-sSf", "--cacert", certificates.authorities,
            "https://localhost:\(gateway.port)/v1/immurestproxy/healthresponse",
        ]
        let health = try await FinishedProcess.run("/usr/bin/curl", call)
        #expect(health.output == #"{"status":true}"#, "\(health.errors)")
        let plain = try await FinishedProcess.run(
            "/usr/bin/curl", ["-sSf", "http://127.0.0.1:\(gateway.port)/healthz"])
        #expect(plain.exitCode != 0)
        // Another certificate of a stranger under the same name: after SIGHUP no client trusts it any more.
        let other = try TestCertificates().issue("other", .server)
        for (new, old) in [(other.certificate, own.certificate), (other.key, own.key)] {
            try FileManager.default.removeItem(atPath: old)
            try FileManager.default.copyItem(atPath: new, toPath: old)
        }
        gateway.process.send(SIGHUP)
        _ = try await gateway.process.waitForOutput("the certificate is ")
        let refused = try await FinishedProcess.run("/usr/bin/curl", call)
        #expect(refused.exitCode == 60, "\(refused.errors)")
        #expect(try await gateway.stop() == 0)
        #expect(try await server.stop() == 0)
    }
}
