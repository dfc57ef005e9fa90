import Foundation
import ImmudbProtocol
import ImmudbServer
import RPCTransport
import SwiftProtobuf
import Testing

/// A stream runs for as long as its client reads. Its token may become invalid before.
@Suite("Streams whose token becomes invalid")
struct StreamTokenTests {
    private let password = "Passw0rd!"

    @Test(
        "end a dump when its user is deleted or gets another password, but not another user's",
        arguments: [ImmuService.deleteUser, ImmuService.changePassword])
    func dump(method: String) async throws {
        try await TestServer.run(isAuthenticating: true) { server in
            let admin = try await server.administrator()
            for user in ["joe", "ann"] { try await server.createUser(user, password, by: admin) }
            let joe = try await server.header("joe", password)
            // More than the windows of a client that does not read and the messages that the server
            // sends ahead.
            let count = 64
            let value = Data(repeating: 1, count: 1 << 20)
            for number in 0..<count {
                let request = Immudb_Schema_KeyValue.with {
                    $0.key = Data("k\(number)".utf8)
                    $0.value = value
                }
                let _: RPCResponse<Immudb_Schema_Index> = try await server.client.unary(
                    ImmuService.set, request, metadata: joe)
            }
            func stream(_ header: Metadata) async throws -> RPCResponseStream<Pb_KVList> {
                try await server.client.serverStreaming(
                    ImmuService.dump, Google_Protobuf_Empty(), metadata: header)
            }
            var cut = try await stream(joe).makeAsyncIterator()
            var whole = try await stream(server.header("ann", password)).makeAsyncIterator()
            #expect(try await cut.next()?.kv.isEmpty == false)
            var entryCount = try await whole.next()?.kv.count ?? 0

            if method == ImmuService.deleteUser {
                let _: RPCResponse<Google_Protobuf_Empty> = try await server.client.unary(
                    method, deleteUserRequest("joe"), metadata: admin)
            } else {
                let request = changePasswordRequest("joe", password, "Passw1rd!")
                let _: RPCResponse<Google_Protobuf_Empty> = try await server.client.unary(
                    method, request, metadata: admin)
            }
            let error = await #expect(throws: RPCError.self) {
                while try await cut.next() != nil {}
            }
            #expect(error?.code == .unauthenticated)
            #expect(error?.message.hasPrefix("invalid token v2.public....") == true)
            while let message = try await whole.next() { entryCount += message.kv.count }
            #expect(entryCount == count)
        }
    }

    @Test("end the audit log when its administrator gets another password")
    func auditLog() async throws {
        try await TestServer.run(isAuthenticating: true) { server in
            let first = try await server.firstLogin()
            let admin = try await server.header("immu", first, TestServer.tool)
            // Each login of the administrator is an entry. Make more of them than the server sends
            // ahead.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        for _ in 0..<100 { _ = try await server.login("immu", first) }
                    }
                }
                try await group.waitForAll()
            }
            var configuration = RPCClient.Configuration(
                host: "127.0.0.1", port: server.server.options.port)
            configuration.windowByteCount = 65_535
            let client = RPCClient(configuration)
            let stream: RPCResponseStream<Immudb_Admin_V1_AuditEntry> =
                try await client.serverStreaming(
                    AdminService.auditLog, Immudb_Admin_V1_AuditLogRequest(), metadata: admin)
            var entries = stream.makeAsyncIterator()
            #expect(try await entries.next() != nil)
            let _: RPCResponse<Google_Protobuf_Empty> = try await server.client.unary(
                ImmuService.changePassword, changePasswordRequest("immu", first, "Passw1rd!"),
                metadata: admin)
            let error = await #expect(throws: RPCError.self) {
                while try await entries.next() != nil {}
            }
            #expect(error?.code == .unauthenticated)
            await client.shutdown()
        }
    }
}
