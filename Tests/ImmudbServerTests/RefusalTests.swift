import Foundation
import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import RPCTransport
import SwiftProtobuf
import Testing

/// The answers to bad input are the statuses of the specification; the server goes on, and writes
/// nothing.
@Suite("Refused calls")
struct RefusalTests {
    @Test("include each one with a key that is empty or begins with a zero byte")
    func keyRules() async throws {
        try await TestServer.run { server in
            try await server.set("key", "value")
            for key in ["", "\0", "\0key"] {
                let safeSet = Immudb_Schema_SafeSetOptions.with { $0.kv = keyValue(key, "") }
                let set = Immudb_Schema_KVList.with { $0.kvs = [keyValue(key, "")] }
                let get = Immudb_Schema_KeyList.with { $0.keys = [keyMessage(key)] }
                let calls: [(String, any Message)] = [
                    (ImmuService.set, keyValue(key, "")), (ImmuService.safeSet, safeSet),
                    (ImmuService.setBatch, set), (ImmuService.getBatch, get),
                    (ImmuService.get, keyMessage(key)), (ImmuService.history, keyMessage(key)),
                    (ImmuService.safeGet, safeGetOptions(key, rootIndex: nil)),
                ]
                for (path, request) in calls {
                    try await server.expectRefusal(path, request, .invalidArgument, "invalid key")
                }
            }
        }
    }

    @Test("include writes of a reserved or too long key, which reads do not find")
    func writtenKeyRules() async throws {
        try await TestServer.run { server in
            let long = String(repeating: "k", count: 65_001)
            let cases = [
                ("!badger!", "invalid key"), ("!badger!head", "invalid key"),
                (long, "key of 65001 bytes exceeds the limit of 65000"),
            ]
            for (key, message) in cases {
                let safeSet = Immudb_Schema_SafeSetOptions.with { $0.kv = keyValue(key, "") }
                let batch = Immudb_Schema_KVList.with {
                    $0.kvs = [keyValue("fine", ""), keyValue(key, "")]
                }
                let calls: [(String, any Message)] = [
                    (ImmuService.set, keyValue(key, "")), (ImmuService.safeSet, safeSet),
                    (ImmuService.setBatch, batch),
                ]
                for (path, request) in calls {
                    try await server.expectRefusal(path, request, .invalidArgument, message)
                }
                try await server.expectRefusal(
                    ImmuService.get, keyMessage(key), .notFound, "Key not found")
                #expect(try await server.history(key).isEmpty)
            }
            try await server.set("!badger", "not the prefix")
            try await server.set(String(repeating: "k", count: 65_000), "just short enough")
        }
    }

    @Test("include a SafeSet without an entry")
    func missingEntry() async throws {
        try await TestServer.run { server in
            try await server.expectRefusal(
                ImmuService.safeSet, Immudb_Schema_SafeSetOptions(), .invalidArgument, "missing kv")
            let empty = Immudb_Schema_SafeSetOptions.with { $0.kv = Immudb_Schema_KeyValue() }
            try await server.expectRefusal(
                ImmuService.safeSet, empty, .invalidArgument, "invalid key")
        }
    }

    @Test(
        "tell clients of later releases at their first call why it fails, whatever it contains"
    )
    func unimplemented() async throws {
        try await TestServer.run { server in
            for name in ["OpenSession", "ServerInfo", "UseDatabase"] {
                for request in [keyValue("", ""), keyValue("key", "value")] {
                    try await server.expectRefusal(
                        "/immudb.schema.ImmuService/\(name)", request, .unimplemented,
                        "\(name) is not implemented: this server speaks the protocol of immudb 0.6. A "
                            + "client of a later release needs a later server")
                }
            }
        }
    }

    @Test("are UNIMPLEMENTED for unknown methods and services")
    func unknownMethods() async throws {
        try await TestServer.run { server in
            let paths = [
                "/immudb.schema.ImmuService/Restore", "/immudb.schema.ImmuService/set",
                "/grpc.health.v1.Health/List",
            ]
            for path in paths {
                let error = try await server.refusal(path, Google_Protobuf_Empty())
                #expect(error.code == .unimplemented)
            }
        }
    }

    @Test("include messages that are not protobuf, after which the server goes on")
    func malformedMessages() async throws {
        try await TestServer.run { server in
            // Field 1 of SafeSetOptions is a message. These bytes are not a message.
            for bytes: [UInt8] in [[0x0a], [0x0a, 0x05, 0x61], [0xff, 0xff], [0x08]] {
                let request = Immudb_Schema_Key.with { $0.key = Data(bytes) }
                let error = try await server.refusal(ImmuService.safeSet, request)
                #expect([StatusCode.internalError, .invalidArgument].contains(error.code))
            }
            #expect(try await server.currentRoot().root.isEmpty)
            #expect(try await server.set("key", "value") == 0)
        }
    }

    @Test("include requests above 32 MiB, of which nothing is written")
    func oversized() async throws {
        try await TestServer.run { server in
            let request = Immudb_Schema_KeyValue.with {
                $0.key = Data("key".utf8)
                $0.value = Data(count: 32 << 20)
            }
            let error = try await server.refusal(ImmuService.set, request)
            #expect(error.code == .resourceExhausted)
            #expect(try await server.currentRoot().root.isEmpty)
        }
    }

    @Test("have a status when the database is closed")
    func closedDatabase() async throws {
        try await TestServer.run { server in
            try await server.set("key", "value")
            try server.server.database.close()
            let set = try await server.refusal(ImmuService.set, keyValue("key", "2"))
            #expect(set.code == .unknown)
            #expect(set.message == "Writes are blocked, possibly due to DropAll or Close")
            _ = try await server.refusal(ImmuService.get, keyMessage("key"))
            let health: Immudb_Schema_HealthResponse = try await server.call(
                ImmuService.health, Google_Protobuf_Empty())
            #expect(!health.status)
        }
    }
}
