import ImmudbAccounts
import ImmudbProtocol
import RPCTransport
import ServiceKit
import SwiftProtobuf
import Synchronization
import TestTools
import Testing

@testable import ImmudbServer

/// Calls each method as each kind of caller, with users on and off.
@Suite("The permissions of callers")
struct GateTests {
    private enum Token: CaseIterable {
        case none, expired, forged, malformed, ofDeletedUser, beforePasswordChange, users,
            administrators
    }

    /// The answer of a server by the specification's table.
    private static func expected(
        _ permission: Permission, _ token: Token, isByTool: Bool, isLocal: Bool,
        isAuthenticating: Bool
    ) -> String? {
        if !isAuthenticating, isByTool, !isLocal {
            return "server has authentication disabled: only local connections are accepted"
        }
        switch permission {
        case .open: return nil
        case .login:
            return isAuthenticating || isByTool ? nil : "authentication is disabled on server"
        case .data where !isAuthenticating && !isByTool: return nil
        case .data, .administration: break
        }
        switch token {
        case .none: return "no Authorization header found on request"
        case .expired, .forged, .ofDeletedUser, .beforePasswordChange:
            return "invalid token v2.public...."
        case .malformed: return "invalid token no..."
        case .users where permission == .administration || isByTool: return "permission denied"
        case .users: return nil
        case .administrators:
            let isAdministration = permission == .administration || isByTool
            return isAdministration && !isLocal
                ? "server does not accept admin commands from remote clients" : nil
        }
    }

    @Test("admit or refuse each call of each caller by the table")
    func table() async throws {
        let folder = TemporaryFolder()
        let clock = Mutex<Int64>(1_795_000_000)
        var options = Accounts.Options()
        options.hashing = .cheap
        options.clock = { clock.withLock { $0 } }
        let accounts = try Accounts.open(in: folder.path, options: options)
        let people = People(accounts)
        var headers: [Token: String] = [.malformed: "no token"]
        let admin = try await people.makeAdministrator()
        for user in ["joe", "gone", "moved"] { try await people.create(user) }
        headers[.expired] = try await people.token("joe")
        clock.withLock { $0 += 3_600 }
        headers[.users] = "Bearer \(try await people.token("joe"))"
        headers[.administrators] = "Bearer \(try await people.token("immu", admin))"
        headers[.ofDeletedUser] = try await people.token("gone")
        headers[.beforePasswordChange] = try await people.token("moved")
        try await people.delete("gone")
        try await people.change("moved")
        // A token of another server, which has another key.
        let other = TemporaryFolder()
        let others = try Accounts.open(in: other.path, options: options)
        let stranger = People(others)
        headers[.forged] = try await stranger.token("immu", try await stranger.makeAdministrator())

        let paths =
            ImmuService.methods.map(\.path) + [
                AdminService.auditLog, AdminService.backup, AdminService.restore,
                AdminService.restorePart, HealthService.check, HealthService.watch,
                ReflectionService.info, ReflectionService.olderInfo,
            ] + ImmuService.laterMethods
        #expect(Set(paths) == Set(MethodPermissions.all.keys))
        var count = 0
        for isAuthenticating in [false, true] {
            let gate = Gate(
                accounts: accounts, isAuthenticating: isAuthenticating,
                log: ServerLog(level: .error) { _ in }.logger)
            for path in paths {
                let permission = try #require(MethodPermissions.all[path])
                for token in Token.allCases {
                    for (isByTool, isLocal) in [
                        (false, false), (false, true), (true, false), (true, true),
                    ] {
                        var metadata = Metadata()
                        if let header = headers[token] { metadata.add("authorization", header) }
                        if isByTool { metadata.add("client_id", "immuadmin") }
                        var said: String?
                        do throws(Refusal) {
                            try gate.admit(permission, metadata, isLocal: isLocal)
                        } catch {
                            said = error.message
                        }
                        let expected = Self.expected(
                            permission, token, isByTool: isByTool, isLocal: isLocal,
                            isAuthenticating: isAuthenticating)
                        #expect(
                            said == expected,
                            "\(path), \(token), tool \(isByTool), local \(isLocal), auth \(isAuthenticating)"
                        )
                        count += 1
                    }
                }
            }
        }
        #expect(count == 2 * 47 * 8 * 4)
        try accounts.close()
        try others.close()
    }

    @Test(
        "nobody is on this machine who calls through a gateway, in the server's process or beside it",
        arguments: [false, true])
    func gateway(isAuthenticating: Bool) async throws {
        try await TestServer.run(isAuthenticating: isAuthenticating) { server in
            let tool = TestServer.tool
            var forwarded = tool
            forwarded.add("x-forwarded-for", "127.0.0.1")
            let inProcess = RPCClient(server.server.gatewayClient)
            let answer: RPCResponse<Google_Protobuf_Empty> = try await inProcess.unary(
                ImmuService.health, Google_Protobuf_Empty())
            #expect(answer.headers.first("immudb-uuid") == "\(server.server.identifier)")
            for (client, metadata) in [(server.client, forwarded), (inProcess, tool)] {
                // It would be the first login of the administrator, who gets the credentials.
                let error = await #expect(throws: RPCError.self) {
                    let _: RPCResponse<Google_Protobuf_Empty> = try await client.unary(
                        ImmuService.login, loginRequest("immu", ""), metadata: metadata)
                }
                #expect(error?.code == .permissionDenied, "\(String(describing: error))")
            }
            // Nobody is the administrator yet.
            let administrator = try await server.administrator()
            for (client, isForwarded) in [(server.client, true), (inProcess, false)] {
                var metadata = administrator
                if isForwarded { metadata.add("x-forwarded-for", "") }
                let error = await #expect(throws: RPCError.self) {
                    let _: RPCResponse<Google_Protobuf_Empty> = try await client.unary(
                        ImmuService.createUser, Google_Protobuf_Empty(), metadata: metadata)
                }
                #expect(
                    error?.message == "server does not accept admin commands from remote clients")
            }
            await inProcess.shutdown()
        }
    }

    @Test("the table of permissions is that of the specification, for each of 0.6's calls")
    func permissions() {
        for method in ImmuService.methods {
            let expected: Permission =
                switch method.name {
                case "Login": .login
                case "Health", "CurrentRoot": .open
                case "CreateUser", "ChangePassword", "DeleteUser": .administration
                default: .data
                }
            #expect(method.permission == expected, "\(method.name)")
        }
    }

    @Test("are checked before every call of a running server")
    func everyCall() async throws {
        try await TestServer.run(isAuthenticating: true) { server in
            for method in ImmuService.methods {
                let answer = await Result {
                    if method.streamsAnswers {
                        _ = try await server.dump()
                    } else {
                        _ =
                            try await server.client.unary(
                                method.path, Immudb_Schema_Key()) as RPCResponse<Immudb_Schema_Key>
                    }
                }
                var code: StatusCode?
                if case .failure(let error) = answer { code = (error as? RPCError)?.code }
                let isRefused = code == .unauthenticated
                #expect(
                    isRefused == [.data, .administration].contains(method.permission),
                    "\(method.name)")
            }
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// The callers of the table, with their tokens.
private struct People {
    private static let password = "Passw0rd!"
    private let accounts: Accounts
    private let origin = Origin(address: "127.0.0.1:1", host: "127.0.0.1", isLocal: true, lane: 0)

    init(_ accounts: Accounts) { self.accounts = accounts }

    private func login(_ user: String, _ password: String, isForAdministration: Bool = false)
        async throws -> LoginAnswer
    {
        let request = LoginRequest(
            user: Array(user.utf8), password: Array(password.utf8),
            isForAdministration: isForAdministration)
        return try await withCheckedContinuation { continuation in
            accounts.login(request, from: origin, isCancelled: { false }) {
                continuation.resume(returning: $0)
            }
        }.get()
    }

    func makeAdministrator() async throws -> String {
        guard
            case .firstAdministrator(let password) = try await login(
                "immu", "", isForAdministration: true)
        else { throw CancellationError() }
        return password
    }

    func token(_ user: String, _ password: String = password) async throws -> String {
        guard case .token(let token) = try await login(user, password) else {
            throw CancellationError()
        }
        return token
    }

    func create(_ user: String) async throws {
        try await act {
            accounts.createUser(
                Array(user.utf8), password: Array(Self.password.utf8), by: $0, completion: $1)
        }
    }

    func change(_ user: String) async throws {
        try await act {
            accounts.changePassword(
                of: Array(user.utf8), from: Array(Self.password.utf8), to: Array("Passw1rd!".utf8),
                by: $0,
                completion: $1)
        }
    }

    func delete(_ user: String) async throws {
        try await act { accounts.deleteUser(Array(user.utf8), by: $0, completion: $1) }
    }

    private func act(
        _ body: (
            Accounts.Administrator, @escaping @Sendable (Result<UserName, AccountError>) -> Void
        ) -> Void
    ) async throws {
        let administrator = Accounts.Administrator(
            Caller(name: .administrator, isAdministrator: true), from: origin,
            mayAct: { true },
            isCancelled: { false })
        _ = try await withCheckedContinuation { continuation in
            body(administrator) { continuation.resume(returning: $0) }
        }.get()
    }
}
