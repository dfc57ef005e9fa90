import Foundation
import ImmudbProtocol
import ImmudbServer
import RPCTransport
import ServiceKit
import StorageIO
import SwiftProtobuf
import Synchronization
import Testing

/// Login, CreateUser, ChangePassword and DeleteUser, with the codes and texts of immudb 0.6.
@Suite("Calls about users")
struct AccountCallTests {
    private let password = "Passw0rd!"
    private let rule =
        "password must have between 8 and 32 letters, digits and special characters of which at least 1 "
        + "uppercase letter, 1 digit and 1 special character"

    private func expect(
        _ error: RPCError, _ code: StatusCode, _ message: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(error.code == code, sourceLocation: sourceLocation)
        #expect(error.message == message, sourceLocation: sourceLocation)
    }

    @Test(
        "log in users who know their password, with a token in the form of immudb 0.6"
    )
    func login() async throws {
        try await TestServer.run(isAuthenticating: true) { server in
            let admin = try await server.administrator()
            try await server.createUser("joe", password, by: admin)
            let token = try await server.login("joe", password)
            #expect(token.hasPrefix("v2.public."))
            #expect(token.hasSuffix(".aW1tdWRi"))
            let wrong = "invalid user or password"
            for (user, password) in [
                ("joe", "Passw1rd!"), ("ann", password), ("", password), ("\0", password),
                ("joe", ""), ("immu", ""), ("", ""),
                (String(repeating: "n", count: 100_000), password),
            ] {
                expect(
                    try await server.refusal(ImmuService.login, loginRequest(user, password)),
                    .permissionDenied, wrong)
            }
            let tool = TestServer.tool
            expect(
                try await server.refusal(
                    ImmuService.login, loginRequest("joe", password), metadata: tool),
                .permissionDenied, "permission denied")
            expect(
                try await server.refusal(
                    ImmuService.login, loginRequest("immu", ""), metadata: tool),
                .permissionDenied, wrong)
        }
    }

    @Test("let only the administration tool log in to a server without users")
    func loginWithoutUsers() async throws {
        try await TestServer.run { server in
            expect(
                try await server.refusal(ImmuService.login, loginRequest("immu", "")), .unavailable,
                "authentication is disabled on server")
            let admin = try await server.administrator()
            try await server.createUser("joe", password, by: admin)
            expect(
                try await server.refusal(ImmuService.login, loginRequest("joe", password)),
                .unavailable,
                "authentication is disabled on server")
            // Data is open to all callers except the administration tool.
            _ = try await server.set("k", "v")
            expect(
                try await server.refusal(
                    ImmuService.get, keyMessage("k"), metadata: TestServer.tool),
                .unauthenticated, "no Authorization header found on request")
            var both = admin
            both.add(contentsOf: TestServer.tool)
            let item: RPCResponse<Immudb_Schema_Item> = try await server.client.unary(
                ImmuService.get, keyMessage("k"), metadata: both)
            #expect(item.message.value == Data("v".utf8))
        }
    }

    @Test("create, change and delete users, or fail with 0.6's code and text")
    func changes() async throws {
        try await TestServer.run(isAuthenticating: true) { server in
            let admin = try await server.administrator()
            func refused(
                _ path: String, _ request: some Message, _ code: StatusCode, _ message: String,
                sourceLocation: SourceLocation = #_sourceLocation
            ) async throws {
                expect(
                    try await server.refusal(path, request, metadata: admin), code, message,
                    sourceLocation: sourceLocation)
            }
            let (create, change, delete) = (
                ImmuService.createUser, ImmuService.changePassword, ImmuService.deleteUser
            )
            try await refused(create, createUserRequest("joe", "weak"), .invalidArgument, rule)
            try await refused(
                create, createUserRequest("", password), .internalError, "internal error")
            try await refused(
                create, createUserRequest("\0a", password), .internalError, "internal error")
            try await refused(
                create, createUserRequest(String(repeating: "n", count: 300), password),
                .invalidArgument, "user name of 300 bytes exceeds the limit of 256")
            let made: RPCResponse<Immudb_Schema_CreateUserResponse> = try await server.client.unary(
                create, createUserRequest("joe", password), metadata: admin)
            #expect(made.message.user == Data("joe".utf8))
            try await refused(
                create, createUserRequest("joe", password), .alreadyExists,
                "username already exists")
            try await refused(
                change, changePasswordRequest("ann", password, password), .notFound, "Key not found"
            )
            try await refused(
                change, changePasswordRequest("", password, password), .invalidArgument,
                "invalid key")
            try await refused(
                change, changePasswordRequest("joe", "Passw1rd!", password), .permissionDenied,
                "old password is incorrect")
            try await refused(
                change, changePasswordRequest("joe", password, "weak"), .invalidArgument, rule)
            let _: RPCResponse<Google_Protobuf_Empty> = try await server.client.unary(
                change, changePasswordRequest("joe", password, "Passw1rd!"), metadata: admin)
            _ = try await server.login("joe", "Passw1rd!")
            try await refused(delete, deleteUserRequest("ann"), .notFound, "Key not found")
            try await refused(delete, deleteUserRequest(""), .invalidArgument, "invalid key")
            let _: RPCResponse<Google_Protobuf_Empty> = try await server.client.unary(
                delete, deleteUserRequest("joe"), metadata: admin)
            try await refused(delete, deleteUserRequest("joe"), .notFound, "user not found")
            try await refused(
                change, changePasswordRequest("joe", password, password), .notFound,
                "error changing password: user was already deleted")
        }
    }

    @Test("give only the administrator the audit log, in order and filtered")
    func auditLog() async throws {
        try await TestServer.run { server in
            let admin = try await server.administrator()
            try await server.createUser("joe", password, by: admin)
            func entries(
                _ request: Immudb_Admin_V1_AuditLogRequest
            ) async throws -> [Immudb_Admin_V1_AuditEntry] {
                let stream: RPCResponseStream<Immudb_Admin_V1_AuditEntry> =
                    try await server.client.serverStreaming(
                        AdminService.auditLog, request, metadata: admin)
                var entries: [Immudb_Admin_V1_AuditEntry] = []
                for try await entry in stream { entries.append(entry) }
                return entries
            }
            let all = try await entries(.init())
            #expect(all.map(\.action) == ["first-login", "login", "create-user"])
            #expect(all.map(\.by) == ["", "immu", "immu"])
            #expect(all.map(\.user) == ["immu", "immu", "joe"])
            #expect(all.allSatisfy { $0.from.hasPrefix("127.0.0.1:") && $0.outcome == "done" })
            #expect(all.map(\.time) == all.map(\.time).sorted())
            #expect(all.map(\.index) == [1, 2, 4])
            let newest = try await entries(
                .with {
                    $0.newestFirst = true
                    $0.limit = 2
                })
            #expect(newest == [all[2], all[1]])
            #expect(try await entries(.with { $0.user = "joe" }) == [all[2]])
            #expect(try await entries(.with { $0.action = "login" }) == [all[1]])
            #expect(try await entries(.with { $0.since = all[1].time }) == Array(all[1...]))
            #expect(try await entries(.with { $0.until = all[0].time }) == [all[0]])
            let unknown = await #expect(throws: RPCError.self) {
                _ = try await entries(.with { $0.action = "dance" })
            }
            #expect(unknown?.code == .invalidArgument)
            let nobody = await #expect(throws: RPCError.self) {
                let stream: RPCResponseStream<Immudb_Admin_V1_AuditEntry> =
                    try await server.client.serverStreaming(
                        AdminService.auditLog, Immudb_Admin_V1_AuditLogRequest())
                for try await _ in stream {}
            }
            #expect(nobody?.code == .unauthenticated)
        }
    }

    @Test("leave no password and no token in the log, at any level")
    func secrets() async throws {
        let lines = Mutex<[String]>([])
        let log = ServerLog(level: .debug) { line in lines.withLock { $0.append(line) } }
        var secrets = [password, "Passw1rd!", "Passw2rd!"]
        try await TestServer.run(isAuthenticating: true, log: log.logger) { server in
            let first = try await server.firstLogin()
            let token = try await server.login("immu", first)
            let admin: Metadata = ["authorization": "Bearer \(token)"]
            try await server.createUser("joe", secrets[0], by: admin)
            secrets += [
                first, token, String(token.suffix(40)), try await server.login("joe", secrets[0]),
            ]
            _ = try await server.refusal(ImmuService.login, loginRequest("joe", secrets[1]))
            _ = try await server.refusal(
                ImmuService.changePassword, changePasswordRequest("joe", secrets[1], secrets[2]),
                metadata: admin)
            _ = try await server.refusal(
                ImmuService.get, keyMessage("k"), metadata: ["authorization": token + "x"])
            _ = try await server.refusal(
                ImmuService.get, keyMessage("k"), metadata: ["authorization": secrets[0]])
        }
        let text = lines.withLock { $0.joined(separator: "\n") }
        #expect(text.contains("create user joe: done by immu at 127.0.0.1:"))
        for secret in secrets { #expect(!text.contains(secret)) }
    }
}
