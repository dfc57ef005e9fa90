import Foundation
import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import RPCTransport
import ServiceKit
import SwiftProtobuf
import TestTools
import Testing

@Suite("Answers of limited size")
struct BoundedAnswerTests {
    @Test("have the newest versions of a long history, and refuse a batch that does not fit")
    func smallAnswers() async throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let database = try Database.open(at: folder.path)
        let limit = 10_000
        let service = try DatabaseService(
            database: database, log: ServerLog(level: .error) { print($0) }.logger,
            maxAnswerByteCount: limit)
        let server = try await RPCServer.start(
            .init(host: "127.0.0.1", port: 0), methods: service.methods)
        var configuration = RPCClient.Configuration(host: "127.0.0.1", port: server.port)
        configuration.maxReceiveMessageByteCount = limit
        let client = RPCClient(configuration)

        for number in 0..<40 {
            let value = [UInt8](repeating: UInt8(number), count: 400 + number)
            _ = try await database.set(Array("key".utf8), value)
            _ = try await database.set(Array("key\(number)".utf8), value)
        }
        let history: RPCResponse<Immudb_Schema_ItemList> = try await client.unary(
            ImmuService.history, keyMessage("key"))
        let indexes = history.message.items.map(\.index)
        #expect(indexes.count >= 20)
        let newest = (0..<indexes.count).map { UInt64(78 - $0 * 2) }
        #expect(indexes == newest)
        #expect(history.trailers.first(ImmuMetadata.hasMore) == "1")
        let rest: RPCResponse<Immudb_Schema_ItemList> = try await client.unary(
            ImmuService.history, keyMessage("key"),
            metadata: [ImmuMetadata.beforeIndex: "\(indexes.last ?? 0)"])
        #expect(indexes + rest.message.items.map(\.index) == (0..<40).map { 78 - $0 * 2 })
        #expect(rest.trailers.first(ImmuMetadata.hasMore) == nil)
        await #expect(throws: RPCError.self) {
            let _: RPCResponse<Immudb_Schema_ItemList> = try await client.unary(
                ImmuService.history, keyMessage("key"), metadata: [ImmuMetadata.beforeIndex: "x"])
        }

        let fitting = Immudb_Schema_KeyList.with {
            $0.keys = (0..<20).map { keyMessage("key\($0)") }
        }
        let some: RPCResponse<Immudb_Schema_ItemList> = try await client.unary(
            ImmuService.getBatch, fitting)
        #expect(some.message.items.count == 20)
        let all = Immudb_Schema_KeyList.with { $0.keys = (0..<40).map { keyMessage("key\($0)") } }
        do {
            let _: RPCResponse<Immudb_Schema_ItemList> = try await client.unary(
                ImmuService.getBatch, all)
            Issue.record("an answer beyond the limit came")
        } catch let error as RPCError {
            #expect(error.code == .resourceExhausted)
            #expect(error.message.contains("\(limit)"))
        }
        await client.shutdown()
        await server.shutdown(deadline: .seconds(1))
        try database.close()
    }
}
