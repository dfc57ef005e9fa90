import Foundation
import ImmudbClient
import MutualTLSFiles
import TestCertificates
import TestTools
import Testing

@Suite("Mutual TLS of immudb and immuclient")
struct MutualTLSTests {
    private let work = TemporaryFolder()
    private let certificates: TestCertificates
    private let server: TestCertificates.Files
    private let client: TestCertificates.Files

    init() throws {
        certificates = try TestCertificates()
        server = try certificates.issue("server", .server)
        client = try certificates.issue("client", .client, for: "alice")
    }

    private func serverFlags(_ files: TestCertificates.Files? = nil) -> [String] {
        let files = files ?? server
        return [
            "--mtls", "--certificate", files.certificate, "--pkey", files.key, "--clientcas",
            certificates.authorities,
        ]
    }

    private func immuclient(
        _ port: Int, _ words: [String], files: TestCertificates.Files? = nil,
        authorities: String? = nil, name: String? = nil
    ) async throws -> FinishedProcess {
        let files = files ?? client
        return try await FinishedProcess.run(
            "immuclient",
            words + [
                "-p", "\(port)", "-m", "--certificate", files.certificate, "--pkey", files.key,
                "--clientcas", authorities ?? certificates.authorities, "--servername",
                name ?? "localhost", "--timeout", "5",
            ], environment: ["HOME": work.path], directory: work.path)
    }

    @Test("uses a folder that was made for it, where server and client look for files")
    func defaults() async throws {
        try MutualTLSFolder(work.path + "/tools/mtls", host: "localhost").create()
        let server = try RunningProcess(
            "immudb", ["--mtls", "-p", "0", "--metrics-port", "0", "--dir", "data"],
            directory: work.path)
        let line = try await server.waitForOutput("starting immudb: ")
        #expect(line.contains(#""MTLs":true,"MTLsOptions":{"Pkey":"./tools/mtls/3_app"#))
        let port = try #require(line.firstMatch(of: /"Port":([0-9]+)/)?.1)
        for words in [["set", "k", "v"], ["safeget", "k"], ["history", "k"]] {
            let run = try await FinishedProcess.run(
                "immuclient", words + ["-m", "-p", String(port)],
                environment: ["HOME": work.path], directory: work.path)
            #expect(run.exitCode == 0, "\(run.errors)")
        }
        server.terminate()
        #expect(try await server.exitCode() == 0)
        #expect(server.errors.contains("INFO: mutual TLS: the server's certificate is localhost, "))
        #expect(!server.errors.contains("WARNING"), "\(server.errors)")
    }

    @Test("serves the library, whose calls are verified as usual")
    func library() async throws {
        let running = try await RunningServer(
            dir: work.file("data").path, arguments: serverFlags())
        var configuration = ImmudbClient.Configuration(port: running.port)
        configuration.tls = .init(
            authoritiesFile: certificates.authorities,
            certificate: .init(file: client.certificate, keyFile: client.key))
        let connected = try await ImmudbClient.connect(
            configuration, trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        try await connected.verifiedSet("hello", "world")
        #expect(try await connected.verifiedGet("hello").value.payload == Array("world".utf8))
        await connected.close()

        configuration.tls?.certificate?.keyFile = server.key
        let error = await #expect(throws: ClientError.self) {
            try await ImmudbClient.connect(
                configuration, trustedRoots: InMemoryTrustedRootStore(), firstContact: .refuse)
        }
        #expect(error?.code == .tlsUnusable)
        #expect(
            error?.message
                == "private key file \(server.key): it is not the key of the certificate "
                + "in \(client.certificate)")
        #expect(try await running.stop() == 0)
    }

    @Test("tells a refused client the reason, and the server's log, too")
    func refusals() async throws {
        let running = try await RunningServer(
            dir: work.file("data").path, arguments: serverFlags())
        let stranger = try certificates.issue("mallory", .client, for: "mallory", by: .stranger)
        let cases: [(TestCertificates.Files?, String?, String?, String)] = [
            (stranger, nil, nil, "the server refuses the client's certificate in"),
            (nil, certificates.strangers, nil, "of an authority that \(certificates.strangers)"),
            (
                nil, nil, "db.example.com",
                "is for localhost, 127.0.0.1, ::1, not for db.example.com"
            ),
        ]
        for (files, authorities, name, said) in cases {
            let run = try await immuclient(
                running.port, ["ping"], files: files, authorities: authorities, name: name)
            #expect(run.exitCode == 5)
            #expect(run.output == "")
            #expect(run.errors.contains(said), "\(run.errors)")
        }
        #expect(try await immuclient(running.port, ["ping"]).output == "Health check OK\n")
        let plain = try await FinishedProcess.run(
            "immuclient", ["ping", "-p", "\(running.port)"], directory: work.path)
        #expect(plain.exitCode == 5)
        #expect(plain.errors.contains("the server wants TLS"), "\(plain.errors)")
        #expect(try await running.stop() == 0)
        let log = running.process.errors
        for said in [
            "the client's certificate, mallory, is of an authority that",
            "the client does not have the authority of the server's certificate",
            "the client does not use TLS",
        ] {
            let line = log.split(separator: "\n").first { $0.contains(said) } ?? ""
            #expect(line.contains("WARNING: no TLS with 127.0.0.1:"), "\(log)")
        }
    }

    @Test("tells a client with TLS that the server has none")
    func plainServer() async throws {
        let running = try await RunningServer(dir: work.file("data").path)
        let run = try await immuclient(running.port, ["ping"])
        #expect(run.exitCode == 5)
        #expect(run.errors.contains("the server does not use TLS"), "\(run.errors)")
        #expect(try await running.stop() == 0)
    }

    @Test("ends the start with 1 and the name of an unusable file, and touches nothing")
    func files() async throws {
        let old = try certificates.issue("old", .server, startingIn: -6)
        for (arguments, said) in [
            (serverFlags(old), "certificate file \(old.certificate): the certificate has expired"),
            (serverFlags() + ["--pkey", client.key], "private key file \(client.key): it is not"),
            (serverFlags() + ["--clientcas", "no"], "certificate authorities file no: No such"),
        ] {
            let run = try await FinishedProcess.run(
                "immudb", ["-p", "0", "--dir", "data"] + arguments, directory: work.path)
            #expect(run.exitCode == 1)
            #expect(run.errors.contains("Unable to use mutual TLS: \(said)"), "\(run.errors)")
        }
        let run = try await immuclient(1, ["ping"], files: old)
        #expect(run.exitCode == 1)
        #expect(run.errors.contains("certificate file \(old.certificate): the certificate has"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path) == [])
    }

    @Test("accepts grpcio with its certificate, and in no other way")
    func grpcio() async throws {
        let running = try await RunningServer(
            dir: work.file("data").path, arguments: serverFlags())
        let stranger = try certificates.issue("mallory", .client, by: .stranger)
        let old = try certificates.issue("old", .client, startingIn: -6)
        try await PythonPeer.run(
            "mutual_tls.py",
            [
                "\(running.port)", certificates.authorities, certificates.strangers,
                client.certificate, client.key, stranger.certificate, stranger.key,
                old.certificate, old.key,
            ], against: running)
        #expect(try await running.stop() == 0)
    }

    @Test("reads certificates again at SIGHUP without dropping connections, and rejects bad ones")
    func rotation() async throws {
        let running = try await RunningServer(
            dir: work.file("data").path, arguments: serverFlags())
        var configuration = ImmudbClient.Configuration(port: running.port)
        configuration.tls = .init(
            authoritiesFile: certificates.authorities,
            certificate: .init(file: client.certificate, keyFile: client.key))
        let old = try await ImmudbClient.connect(
            configuration, trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        _ = try certificates.issue("server", .server, for: "db.example.com")
        running.process.send(SIGHUP)
        try await running.process.waitForOutput("certificates were read again: db.example.com, ")
        #expect(try await immuclient(running.port, ["ping"], name: "db.example.com").exitCode == 0)
        #expect(try await immuclient(running.port, ["ping"]).exitCode == 5)
        _ = try certificates.write("server.key.pem", "no key")
        running.process.send(SIGHUP)
        try await running.process.waitForOutput(
            "ERROR: certificates stay as they were: private key file \(server.key): it holds no")
        #expect(try await immuclient(running.port, ["ping"], name: "db.example.com").exitCode == 0)
        try await old.verifiedSet("k", "v")
        await old.close()
        #expect(try await running.stop() == 0)
    }
}
