import Foundation
import ImmudbClient
import ImmudbProtocol
import RPCTransport
import SwiftProtobuf
import TestTools
import Testing

/// A server with `--auth`, an administrator who uses the SDK, and a user who uses `immuclient`.
@Suite("Users", .serialized)
struct UsersEndToEndTests {
    private let data = TemporaryFolder()
    private let home = TemporaryFolder()
    private let password = "Passw0rd!"

    private func start(_ arguments: [String] = ["--auth"]) async throws -> RunningServer {
        try await RunningServer(dir: data.file("db").path, arguments: arguments)
    }

    private func client(
        _ server: RunningServer, isForAdministration: Bool = false, token: String? = nil
    ) async throws -> ImmudbClient {
        var configuration = ImmudbClient.Configuration(port: server.port, token: token)
        configuration.isForAdministration = isForAdministration
        return try await ImmudbClient.connect(
            configuration, trustedRoots: FileTrustedRootStore(directory: home.path),
            firstContact: .trustOnFirstUse)
    }

    /// Creates the administrator, and returns the password.
    private func firstLogin(_ server: RunningServer) async throws -> String {
        let client = try await client(server, isForAdministration: true)
        let error = await #expect(throws: ClientError.self) {
            try await client.login(user: "immu", password: "")
        }
        await client.close()
        #expect(error?.status == .unknown)
        let text = try #require(error?.message)
        return String(try #require(text.firstMatch(of: /\npassword: (.{32})\n/)?.1))
    }

    private func run(
        _ server: RunningServer, _ arguments: [String], input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + arguments, environment: ["HOME": home.path],
            directory: home.path, input: input)
    }

    @Test("prevent a start if their database is missing, or their key is a pipe")
    func missingUsers() async throws {
        let data = TemporaryFolder()
        let dir = data.file("db").path
        let first = try await RunningServer(dir: dir)
        #expect(try await first.stop() == 0)
        try FileManager.default.removeItem(atPath: dir + "/immudbsys")
        let arguments = ["--dir", dir, "-p", "0", "--metrics-port", "0"]
        let refused = try await FinishedProcess.run("immudb", arguments)
        #expect(refused.exitCode == 1)
        #expect(refused.errors.contains("the users are gone: "), "\(refused.errors)")
        try FileManager.default.removeItem(atPath: dir + "/immudbsys.key")
        let second = try await RunningServer(dir: dir)
        #expect(try await second.stop() == 0)
        try FileManager.default.removeItem(atPath: dir + "/immudbsys.key")
        #expect(mkfifo(dir + "/immudbsys.key", 0o600) == 0)
        let pipe = try await FinishedProcess.run("immudb", arguments)
        #expect(
            pipe.exitCode == 1 && pipe.errors.contains("immudbsys.key is not a file"),
            "\(pipe.errors)")
    }

    @Test(
        "log in with immuclient, and keep the token across a restart until they are deleted"
    )
    func life() async throws {
        let first = try await start()
        let admin = try await firstLogin(first)
        var administrator = try await client(first, isForAdministration: true)
        try await administrator.login(user: "immu", password: admin)
        try await administrator.createUser("joe", password: password)

        let before = try await run(first, ["set", "k", "v"])
        #expect(before.exitCode == 1)
        #expect(before.errors.contains("unauthenticated, please login"))
        #expect(try await run(first, ["login", "joe"], input: "Wr0ng-word\n").exitCode == 1)
        let login = try await run(first, ["login", "joe"], input: password + "\n")
        #expect(login.output == "logged in\n", "\(login.errors)")
        #expect(try await run(first, ["-s", "set", "k", "v"]).exitCode == 0)
        let filled = try await FinishedProcess.run(
            "immutest", ["-p", "\(first.port)", "3"], environment: ["HOME": home.path],
            directory: home.path, input: "y\n")
        #expect(filled.output.contains("OK: 3 entries were written"), "\(filled.errors)")
        await administrator.close()
        #expect(try await first.stop() == 0)

        let second = try await start()
        #expect(try await run(second, ["-s", "get", "k"]).output.contains("value:\t\tv"))
        administrator = try await client(second, isForAdministration: true)
        try await administrator.login(user: "immu", password: admin)
        try await administrator.changePassword(of: "joe", from: password, to: "Passw1rd!")
        let refused = try await run(second, ["-s", "get", "k"])
        #expect(refused.errors.contains("unauthenticated, please login"))
        #expect(try await run(second, ["login", "joe"], input: "Passw1rd!\n").exitCode == 0)
        #expect(try await run(second, ["-s", "get", "k"]).exitCode == 0)
        try await administrator.deleteUser("joe")
        #expect(try await run(second, ["-s", "get", "k"]).exitCode == 1)
        var acts: [String] = []
        for try await act in try await administrator.auditLog() {
            acts.append("\(act.action) \(act.user)")
        }
        #expect(
            acts == [
                "first-login immu", "login immu", "create-user joe", "login immu",
                "change-password joe",
                "delete-user joe",
            ])
        await administrator.close()
        #expect(try await second.stop() == 0)
    }

    @Test("are added to a folder of an earlier release, whose data stays")
    func upgrade() async throws {
        let first = try await start([])
        #expect(try await run(first, ["set", "k", "v"]).exitCode == 0)
        #expect(try await first.stop() == 0)
        try FileManager.default.removeItem(at: data.file("db/immudbsys"))
        try FileManager.default.removeItem(at: data.file("db/immudbsys.key"))
        let second = try await start([])
        #expect(try await run(second, ["get", "k"]).output.contains("value:\t\tv"))
        _ = try await firstLogin(second)
        #expect(try await second.stop() == 0)
        #expect(FileManager.default.fileExists(atPath: data.file("db/immudbsys.key").path))
    }

    @Test("keep each acknowledged change when the server is killed at once")
    func killed() async throws {
        var server = try await start()
        let admin = try await firstLogin(server)
        for round in 0..<3 {
            let administrator = try await client(server, isForAdministration: true)
            let token = try await administrator.login(user: "immu", password: admin)
            try await administrator.createUser("user\(round)", password: password)
            server.process.kill()
            _ = try await server.process.exitCode()
            await administrator.close()
            server = try await start()
            let user = try await client(server)
            for earlier in 0...round {
                try await user.login(user: "user\(earlier)", password: password)
            }
            await user.close()
            let again = try await client(server, isForAdministration: true, token: token)
            var users: [String] = []
            var query = AuditQuery()
            query.action = "create-user"
            for try await act in try await again.auditLog(query) { users.append(act.user) }
            #expect(users == (0...round).map { "user\($0)" })
            await again.close()
        }
        #expect(try await server.stop() == 0)
    }

    @Test("end the start with 1 and the name of a damaged key file or system database")
    func damage() async throws {
        let server = try await start()
        #expect(try await server.stop() == 0)
        let key = data.file("db/immudbsys.key")
        let whole = try Data(contentsOf: key)
        try Data("x".utf8).write(to: key)
        let finished = try await FinishedProcess.run(
            "immudb", ["--dir", data.file("db").path, "-p", "0"])
        #expect(finished.exitCode == 1)
        #expect(
            finished.errors.contains(
                "Unable to open sysstore: the key file of tokens \(key.path) is damaged"))
        try whole.write(to: key)
        try FileManager.default.removeItem(at: data.file("db/immudbsys/ledger"))
        let without = try await FinishedProcess.run(
            "immudb", ["--dir", data.file("db").path, "-p", "0"])
        #expect(without.exitCode == 1)
        #expect(without.errors.contains("Unable to open sysstore: "))
        #expect(without.errors.contains("immudbsys"))
    }

    @Test(
        "neither lock the administrator out nor slow other calls at a hundred wrong logins a second"
    )
    func flood() async throws {
        let first = try await start()
        let admin = try await firstLogin(first)
        var administrator = try await client(first, isForAdministration: true)
        try await administrator.login(user: "immu", password: admin)
        try await administrator.createUser("joe", password: password)
        let token = try await client(first).login(user: "joe", password: password)
        await administrator.close()
        #expect(try await first.stop() == 0)

        // The server remembers no password when the flood begins.
        let server = try await start()
        let user = try await client(server, token: token)
        let alone = try await latencies(user)
        let port = server.port
        let flood = Task { await Self.wrongLogins(port) }
        try await Task.sleep(for: .seconds(2))
        async let beside = latencies(user)
        administrator = try await client(server, isForAdministration: true)
        let cold = try await ContinuousClock().measure {
            _ = try await administrator.login(user: "immu", password: admin)
        }
        let warm = try await ContinuousClock().measure {
            _ = try await administrator.login(user: "immu", password: admin)
        }
        let (before, during) = (alone, try await beside)
        try await administrator.deleteUser("joe")
        flood.cancel()
        let sent = await flood.value
        print("wrong logins: \(sent); cold login \(cold), warm \(warm)")
        print("a Set alone: \(before); beside the flood: \(during)")
        #expect(sent > 100)
        #expect(cold < .seconds(20))
        #expect(warm < .seconds(2))
        #expect(during.median < max(before.median * 10, .milliseconds(100)))
        await administrator.close()
        await user.close()
        #expect(try await server.stop() == 0)
    }

    /// Sends a hundred logins a second over five connections, each with another password that the
    /// rule allows.
    ///
    /// - Returns: the number of logins sent.
    private static func wrongLogins(_ port: Int) async -> Int {
        await withTaskGroup(of: Int.self) { group in
            for connection in 0..<5 { group.addTask { await wrongLogins(port, connection) } }
            return await group.reduce(0, +)
        }
    }

    private static func wrongLogins(_ port: Int, _ connection: Int) async -> Int {
        let client = RPCClient(.init(host: "127.0.0.1", port: port))
        var count = 0
        await withTaskGroup(of: Void.self) { calls in
            while !Task.isCancelled {
                let password = "Wr0ng-\(connection)-\(count)"
                calls.addTask { await login(client, password) }
                count += 1
                try? await Task.sleep(for: .milliseconds(50))
            }
            calls.cancelAll()
        }
        await client.shutdown()
        return count
    }

    private static func login(_ client: RPCClient, _ password: String) async {
        let request = Immudb_Schema_LoginRequest.with {
            $0.user = Data("immu".utf8)
            $0.password = Data(password.utf8)
        }
        let answer: RPCResponse<Immudb_Schema_LoginResponse>? = try? await client.unary(
            ImmuService.login, request, timeout: .seconds(10))
        #expect(answer == nil)
    }

    private struct Latencies: CustomStringConvertible {
        let sorted: [Duration]
        var median: Duration { sorted[sorted.count / 2] }
        var description: String { "median \(median), p99 \(sorted[sorted.count * 99 / 100])" }
    }

    private func latencies(_ client: ImmudbClient) async throws -> Latencies {
        var times: [Duration] = []
        for number in 0..<300 {
            times.append(
                try await ContinuousClock().measure {
                    try await client.set("key\(number)", "value")
                })
        }
        return Latencies(sorted: times.sorted())
    }
}
