import Foundation
import ImmudbClient
import TestTools
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite("Restore into a running server")
struct RestoreEndToEndTests: BackupProgramTests {
    let data = TemporaryFolder()
    let home = TemporaryFolder()

    /// Makes `full.backup` and `later.backup` of a server that is stopped then.
    ///
    /// - Returns: the root that a client of that server trusts.
    private func makeBackups(valueByteCount: Int = 10) async throws -> TrustedRoot {
        let server = try await RunningServer(dir: path("source"))
        let client = try await connect(server, .trustOnFirstUse)
        let value = String(repeating: "v", count: valueByteCount)
        for number in 0..<5 { try await client.verifiedSet("key \(number)", value) }
        try await logIn(server)
        let full = try await admin(server, ["backup", "full.backup"])
        #expect(full.exitCode == 0, "\(full.errors)")
        for number in 5..<9 { try await client.verifiedSet("key \(number)", value) }
        let later = try await admin(server, ["backup", "later.backup", "--since", "full.backup"])
        #expect(later.exitCode == 0, "\(later.errors)")
        let root = try await client.trustedRoot()
        await client.close()
        #expect(try await server.stop() == 0)
        return root
    }

    /// Starts a server without entries, and makes its administrator.
    private func emptyServer() async throws -> RunningServer {
        let server = try await RunningServer(dir: path("new"))
        try await logIn(server)
        return server
    }

    private func size(_ server: RunningServer) async throws -> UInt64 {
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        let size = try await client.currentRoot().size.rawValue
        await client.close()
        return size
    }

    private var isAnythingLeft: Bool {
        ["restoring", "restored", "replaced"].contains { exists("new/.immudb.\($0)") }
    }

    @Test("makes it the server that was backed up, for its clients, at once and after a restart")
    func whole() async throws {
        let root = try await makeBackups()
        let server = try await emptyServer()
        let restored = try await admin(
            server, ["restore", "full.backup", "later.backup", "--root", root.text])
        #expect(restored.exitCode == 0, "\(restored.errors)")
        #expect(restored.output.contains("SUCCESS: 9 entries are restored, root \(root.text)"))
        // Knows the old server, and nothing of this one.
        let client = try await connect(server, .refuse)
        #expect(try await client.trustedRoot() == root)
        #expect(try await client.verifiedGet("key 7").value.text == "vvvvvvvvvv")
        try await client.verifiedSet("key 9", "value")
        await client.close()
        #expect(!isAnythingLeft)
        let log = try await admin(server, ["audit-log", "--action", "restore"])
        #expect(log.output.contains("done, root \(root.text)"), "\(log.output)\(log.errors)")
        let again = try await admin(server, ["restore", "full.backup"])
        #expect(again.exitCode == 1 && again.errors.contains("has 10 entries"), "\(again.errors)")
        // The chain of backups goes on.
        let next = try await admin(server, ["backup", "next.backup", "--since", "later.backup"])
        #expect(next.exitCode == 0, "\(next.errors)")
        #expect(try await server.stop() == 0)
        let later = try await RunningServer(dir: path("new"))
        let reader = try await connect(later, .refuse)
        _ = try await reader.verifiedGet("key 9")
        await reader.close()
        #expect(try await later.stop() == 0)
        let verified = try await immudb(["verify", "--dir", path("new")])
        #expect(verified.exitCode == 0, "\(verified.output)\(verified.errors)")
    }

    @Test("is known to the gateway in the server's process, which goes on with verified answers")
    func embeddedGateway() async throws {
        _ = try await makeBackups()
        let server = try await RunningServer(
            dir: path("new"), arguments: ["--gateway", "--gateway-port", "0"])
        let line = try await server.process.waitForOutput("Gateway served at ")
        let url = try #require(line.split(separator: " ").last.flatMap { URL(string: "\($0)") })
        func get() async throws -> Int? {
            var request = URLRequest(url: url.appending(path: "v1/immurestproxy/item/safe/get"))
            request.httpMethod = "POST"
            let key = Data("key 7".utf8).base64EncodedString()
            request.httpBody = Data("{\"key\":\"\(key)\"}".utf8)
            return (try await URLSession.shared.data(for: request).1 as? HTTPURLResponse)?.statusCode
        }
        // Not found in the empty one, which it trusts from now on.
        #expect(try await get() == 404)
        try await logIn(server)
        let restored = try await admin(server, ["restore", "full.backup", "later.backup"])
        #expect(restored.exitCode == 0, "\(restored.errors)")
        var status = try await get()
        for _ in 0..<100 where status != 200 {
            try await Task.sleep(for: .milliseconds(100))
            status = try await get()
        }
        #expect(status == 200)
        #expect(!server.process.errors.contains("trusted there before"))
        #expect(try await server.stop() == 0)
    }

    @Test("takes a pipe, ends at a size, and keeps the server another one, if asked")
    func flags() async throws {
        _ = try await makeBackups()
        let server = try await emptyServer()
        let before = try Data(contentsOf: data.file("new/immudb.identifier"))
        let piped = try await FinishedProcess.run(
            "/bin/sh",
            [
                "-c",
                "cat full.backup | \"$0\" -p \(server.port) restore - --until-size 3 --new-identifier --json",
                try RunningProcess.path(of: "immuadmin"),
            ], environment: ["HOME": home.path], directory: data.path)
        #expect(piped.exitCode == 0 && piped.output.contains("\"entries\":3"), "\(piped.errors)")
        #expect(try Data(contentsOf: data.file("new/immudb.identifier")) == before)
        #expect(try await size(server) == 3)
        #expect(try await server.stop() == 0)
    }

    @Test("is refused to strangers, and with damaged backups, in a wrong order or of another root")
    func refused() async throws {
        let root = try await makeBackups()
        try FileManager.default.removeItem(
            at: #require(
                try FileManager.default.contentsOfDirectory(
                    at: home.url, includingPropertiesForKeys: nil
                ).first { $0.lastPathComponent.contains("_admin") }))
        let server = try await RunningServer(dir: path("new"))
        let stranger = try await admin(server, ["restore", "full.backup"])
        #expect(stranger.exitCode == 1 && stranger.errors.contains("please login first"))
        try await logIn(server)
        var damaged = try Data(contentsOf: data.file("later.backup"))
        damaged[damaged.count / 2] ^= 4
        try damaged.write(to: data.file("damaged.backup"))
        let wrong = String(repeating: "7", count: 64) + "@5"
        for (arguments, code, reason) in [
            (["full.backup", "damaged.backup"], 3, "damaged.backup, byte "),
            (["later.backup"], 3, "name the backups before it first"),
            (["full.backup", "--root", wrong], 3, "another history"),
            (["full.backup", "--root", root.text], 3, "a later incremental backup is missing"),
            (["full.backup", "--until-size", "7"], 1, "7 are wanted"), (["none"], 1, "none"),
        ] as [([String], Int32, String)] {
            let result = try await admin(server, ["restore"] + arguments)
            #expect(result.exitCode == code, "\(arguments): \(result.errors)")
            #expect(result.errors.contains(reason), "\(arguments): \(result.errors)")
            #expect(!isAnythingLeft, "\(arguments)")
        }
        #expect(try await size(server) == 0)
        // The refusals are in the audit log, and the server is as it was.
        let log = try await admin(server, ["audit-log", "--action", "restore"])
        #expect(log.output.contains("another history"), "\(log.output)\(log.errors)")
        #expect(try await admin(server, ["restore", "full.backup"]).exitCode == 0)
        #expect(try await server.stop() == 0)
    }

    /// Sends the first half of the full backup, and nothing more.
    private func startHalf(_ server: RunningServer) async throws -> RunningProcess {
        let backup = try Data(contentsOf: data.file("full.backup"))
        try backup.prefix(backup.count / 2).write(to: data.file("half"))
        #expect(mkfifo(path("pipe"), 0o600) == 0)
        let process = try RunningProcess(
            "/bin/sh",
            [
                "-c",
                "exec 3<>pipe; cat half >pipe 3>&- & exec \"$0\" -p \(server.port) restore - <&3",
                try RunningProcess.path(of: "immuadmin"),
            ], environment: ["HOME": home.path], directory: data.path)
        while !exists("new/.immudb.restoring/ledger"), process.isRunning {
            try await Task.sleep(for: .milliseconds(5))
        }
        return process
    }

    @Test("leaves nothing when it is interrupted: by its sender, and by kill -9 of the server")
    func interrupted() async throws {
        let root = try await makeBackups(valueByteCount: 3_000_000)
        let server = try await emptyServer()
        let first = try await startHalf(server)
        let second = try await admin(server, ["restore", "full.backup"])
        #expect(second.exitCode == 1 && second.errors.contains("another restore is running"))
        first.kill()
        _ = try await first.exitCode()
        while isAnythingLeft { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try await size(server) == 0)

        try FileManager.default.removeItem(at: data.file("pipe"))
        let third = try await startHalf(server)
        #expect(isAnythingLeft)
        server.process.kill()
        _ = try await server.process.exitCode()
        // It notices that, although its pipe brings nothing and does not end.
        #expect(try await third.exitCode() == 5)
        let next = try await RunningServer(dir: path("new"))
        #expect(!isAnythingLeft)
        #expect(try await size(next) == 0)
        let restored = try await admin(next, ["restore", "full.backup", "later.backup"])
        #expect(restored.exitCode == 0, "\(restored.errors)")
        #expect(restored.output.contains(root.text))
        #expect(try await next.stop() == 0)
    }
}
