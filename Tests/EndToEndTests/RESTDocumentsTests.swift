import Foundation
import TestTools
import Testing

/// What the gateway says of its REST interface, beside what it does.
@Suite("the documents of the REST interface")
struct RESTDocumentsTests {
    private let work = TemporaryFolder()

    /// A server with users, and a gateway to it.
    private struct Served {
        let server: RunningServer
        let gateway: RunningGateway
        let password: String

        var url: String { "http://127.0.0.1:\(gateway.port)" }

        func stop() async throws {
            #expect(try await gateway.stop() == 0)
            #expect(try await server.stop() == 0)
        }
    }

    private func start() async throws -> Served {
        let server = try await RunningServer(dir: work.file("db").path, arguments: ["--auth"])
        let gateway = try await RunningGateway(in: work, ["--immudb-port", "\(server.port)"])
        let login = try await FinishedProcess.run(
            "immuadmin", ["-p", "\(server.port)", "login", "immu"], directory: work.path)
        let password = try #require(login.output.firstMatch(of: /password: (.{32})\n/)?.1)
        return Served(server: server, gateway: gateway, password: String(password))
    }

    @Test("are valid, and say how every generated request is answered, be it good or hostile")
    func documents() async throws {
        let served = try await start()
        let output = try await PythonPeer.run(
            "rest_schema.py", [served.url, "immu", served.password], against: served.server,
            timeoutSeconds: 280)
        #expect(output.contains(/ok: \d{4,} answers are as described\n/), "\(output)")
        try await served.stop()
    }

    @Test(
        "have a page on which every call can be tried",
        .enabled(
            if: ConsoleTests.hasChromium,
            "Scripts/install-dependencies.sh --browser installs Chromium"))
    func page() async throws {
        let served = try await start()
        let output = try await PythonPeer.run(
            "docs_page.py", [served.url, "immu", served.password], against: served.server,
            timeoutSeconds: 200)
        #expect(output.contains("ok: every call has a form"))
        try await served.stop()
    }
}
