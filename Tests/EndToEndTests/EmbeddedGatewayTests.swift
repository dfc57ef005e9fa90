import Foundation
import TestTools
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// `immudb --gateway`: the gateway in the server's process.
@Suite("immudb's own gateway")
struct EmbeddedGatewayTests {
    private let work = TemporaryFolder()
    private var dir: String { work.file("db").path }

    /// - Returns: the server, and the URL of its gateway.
    private func started(_ arguments: [String] = []) async throws -> (RunningServer, URL) {
        let server = try await RunningServer(
            dir: dir, arguments: ["--gateway", "--gateway-port", "0"] + arguments)
        let line = try await server.process.waitForOutput("Gateway served at ")
        let url = try #require(line.split(separator: " ").last.flatMap { URL(string: "\($0)") })
        return (server, url)
    }

    private func answer(
        _ url: URL, _ path: String, _ body: String? = nil, headers: [String: String] = [:]
    ) async throws -> (status: Int, text: String) {
        var request = URLRequest(
            url: url.appending(path: "v1/immurestproxy").appending(path: path))
        if let body {
            request.httpMethod = "POST"
            request.httpBody = Data(body.utf8)
        }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = try #require((response as? HTTPURLResponse)?.statusCode)
        return (status, String(decoding: data, as: UTF8.self))
    }

    @Test("serves the database by REST, verified, and keeps its roots beside the data")
    func serves() async throws {
        let (server, url) = try await started()
        let set = try await answer(url, "item/safe", #"{"kv":{"key":"aw==","value":"dg=="}}"#)
        #expect(set.status == 200)
        #expect(set.text.contains("\"verified\":true"), "\(set.text)")
        let get = try await answer(url, "item/safe/get", #"{"key":"aw=="}"#)
        #expect(get.text.contains("\"value\":\"dg==\""), "\(get.text)")
        #expect(get.text.contains("\"verified\":true"), "\(get.text)")
        let roots = try FileManager.default.contentsOfDirectory(atPath: dir + "/immudb.gateway")
        #expect(roots.contains { $0.hasPrefix(".root-") })
        #expect(try await server.stop() == 0)
        #expect(server.process.errors.contains("shutdown completed"))
        // The folder is no reason not to start without a gateway.
        let again = try await RunningServer(dir: dir)
        #expect(try await again.stop() == 0)
        #expect(!again.process.errors.contains("Gateway served"))
    }

    @Test("makes nobody local: the first login of the administrator is refused through it")
    func notLocal() async throws {
        let (server, url) = try await started(["--auth"])
        let login = try await answer(
            url, "login", #"{"user":"aW1tdQ==","password":""}"#,
            headers: ["Grpc-Metadata-Client_id": "immuadmin"])
        #expect(login.status == 403, "\(login)")
        #expect(!login.text.contains("FirstAdminLogin"))
        // By the tool, on this machine, it is let in.
        let tool = try await FinishedProcess.run(
            "immuadmin", ["-p", "\(server.port)", "login", "immu"], directory: work.path)
        #expect(tool.output.contains("password: "), "\(tool.errors)")
        #expect(try await server.stop() == 0)
    }

    @Test("a port in use ends the start before the data is touched, and the flag is named")
    func portInUse() async throws {
        let (server, url) = try await started()
        let port = try #require(url.port)
        let other = work.file("other").path
        let refused = try await FinishedProcess.run(
            "immudb",
            [
                "--dir", other, "-p", "0", "--metrics-port", "0", "--gateway", "--gateway-port",
                "\(port)",
            ])
        #expect(refused.exitCode == 1)
        #expect(
            refused.errors.contains("Choose another port with --gateway-port"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: other))
        #expect(try await server.stop() == 0)
    }

    @Test("is not there without --gateway, and needs both files for https")
    func settings() async throws {
        for arguments in [
            ["--gateway-tls-certificate", "c"], ["--gateway-tls-key", "k"],
        ] {
            let refused = try await FinishedProcess.run(
                "immudb", ["--dir", dir, "-p", "0", "--gateway"] + arguments)
            #expect(refused.exitCode == 1)
            #expect(refused.errors.contains("belong together"), "\(refused.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: dir))
    }
}
