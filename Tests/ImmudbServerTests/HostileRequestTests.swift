import Foundation
import ImmudbProtocol
import ImmudbStore
import RPCTransport
import ServiceKit
import SwiftProtobuf
import Synchronization
import TestTools
import Testing

@testable import ImmudbOperations
@testable import ImmudbServer

@Suite("Requests that could cost much more memory or time than their bytes")
struct HostileRequestTests {
    /// Makes a request of any bytes: they are unknown fields of this message, which are sent
    /// unchanged.
    private func raw(_ bytes: [UInt8], times count: Int) throws -> Google_Protobuf_Empty {
        var data = Data(capacity: bytes.count * count)
        for _ in 0..<count { data.append(contentsOf: bytes) }
        return try Google_Protobuf_Empty(serializedBytes: data)
    }

    @Test("are refused before they are decoded if a batch has more than 104,855 entries")
    func batchLimit() async throws {
        try await TestServer.run { server in
            let item: [UInt8] = [0x0a, 0x03, 0x0a, 0x01, 0x6b]
            let structured: [UInt8] = [0x0a, 0x05, 0x0a, 0x01, 0x6b, 0x12, 0x00]
            let text = "Txn is too big to fit into one request"
            for (path, bytes) in [
                (ImmuService.setBatch, item), (ImmuService.setBatchSV, structured),
            ] {
                let before = try await server.currentRoot()
                let index: Immudb_Schema_Index = try await server.call(
                    path, try raw(bytes, times: Limits.batchEntryCount))
                let first = before.root.isEmpty ? 0 : before.index + 1
                #expect(index.index == first + UInt64(Limits.batchEntryCount) - 1)
                try await server.expectRefusal(
                    path, try raw(bytes, times: Limits.batchEntryCount + 1), .unknown, text)
                try await server.expectRefusal(
                    path, try raw([0x0a, 0x00], times: 1_000_000), .unknown, text)
            }
        }
    }

    @Test("may have as many keys in a batch as the original took")
    func keyLimit() async throws {
        try await TestServer.run { server in
            try await server.set("k", "v")
            let key: [UInt8] = [0x0a, 0x03, 0x0a, 0x01, 0x6b]
            let list: Immudb_Schema_ItemList = try await server.call(
                ImmuService.getBatch, try raw(key, times: 5000))
            #expect(list.items.count == 5000)
            for path in [ImmuService.getBatch, ImmuService.getBatchSV] {
                let error = try await server.refusal(
                    path, try raw(key, times: (4 << 20) / key.count + 1))
                #expect(error.code == .resourceExhausted)
                #expect(error.message.contains("838860 keys"))
                try await server.expectRefusal(
                    path, try raw([0x0a, 0x00], times: 1), .invalidArgument, "invalid key")
            }
        }
    }

    @Test("may have a few fields of a later release, but not a hundred thousand")
    func uselessFields() async throws {
        try await TestServer.run { server in
            let unknown: [UInt8] = [0x50, 0x01]
            // The administrator, whom the gate admits to every method.
            var header = try await server.administrator()
            header.add(contentsOf: TestServer.tool)
            for method in ImmuService.methods where !method.streamsAnswers {
                let error = try await server.refusal(
                    method.path, try raw(unknown, times: 100_000), metadata: header)
                #expect(error.code == .invalidArgument, "\(method.name)")
                #expect(error.message.contains("too many fields"), "\(method.name)")
            }
            let root: Immudb_Schema_Root = try await server.call(
                ImmuService.currentRoot, try raw(unknown, times: 10))
            #expect(root.root.isEmpty)
            var request = keyValue("k", "v")
            request.unknownFields = try raw(unknown, times: 10).unknownFields
            let index: Immudb_Schema_Index = try await server.call(ImmuService.set, request)
            #expect(index.index == 0)
        }
    }

    @Test("are undecodable if their bytes are malformed")
    func malformed() async throws {
        try await TestServer.run { server in
            // Ends inside of a field of the message in the field that Empty skips.
            let error = try await server.refusal(
                ImmuService.setBatch, try raw([0x0a, 0x02, 0x0a, 0x05], times: 1))
            #expect(error.code == .internalError)
            #expect(error.message.hasPrefix("cannot decode the request"))
        }
    }

    @Test("may have keys, prefixes and offsets that are longer than any stored key")
    func longKeys() async throws {
        try await TestServer.run { server in
            try await server.set("a", "1")
            try await server.zAdd("a", to: "s", 1)
            let long = String(repeating: "a", count: 1_000_000)
            try await server.expectRefusal(
                ImmuService.get, keyMessage(long), .notFound, "Key not found")
            try await server.expectRefusal(
                ImmuService.reference, referenceOptions("r", long), .notFound, "Key not found")
            #expect(try await server.history(long).isEmpty)
            #expect(try await server.scan(long).isEmpty)
            #expect(try await server.scan(after: Data(long.utf8)).isEmpty)
            #expect(try await server.scan(after: Data(long.utf8), reverse: true).count == 1)
            #expect(try await server.count(long) == 0)
            #expect(try await server.zScan(long).isEmpty)
            try await server.expectRefusal(
                ImmuService.zScan,
                Immudb_Schema_ZScanOptions.with {
                    $0.set = Data("s".utf8)
                    $0.offset = setEntryKey("s", 1, long)
                }, .invalidArgument, "invalid offset")
        }
    }

    @Test("may have scores and page numbers of any size")
    func extremeNumbers() async throws {
        try await TestServer.run { server in
            try await server.set("a", "1")
            for score in [Double.infinity, -.infinity, .greatestFiniteMagnitude, -0.0] {
                try await server.zAdd("a", to: "s", score)
            }
            #expect(try await server.zScan("s").count == 4)
            for (page, size) in [
                (UInt64.max, UInt64.max), (2, .max), (.max, 1), (1 << 32, 1 << 32),
            ] {
                try await server.expectRefusal(
                    ImmuService.iScan, iScanOptions(page: page, size: size), .notFound,
                    "index not found")
            }
            #expect(try await server.iScan(page: 1, size: .max).items.count == 5)
            #expect(try await server.scan(limit: .max).count == 1)
            #expect(try await server.zScan("s", limit: .max).count == 4)
            for path in [ImmuService.byIndex, ImmuService.inclusion, ImmuService.consistency] {
                try await server.expectRefusal(
                    path, indexMessage(.max), .notFound, "index not found")
            }
            try await server.expectRefusal(
                ImmuService.safeGet, safeGetOptions("a", rootIndex: .max), .invalidArgument,
                "invalid root index")
        }
    }

    // MARK: walks

    /// A walk that finds nothing and never ends.
    private struct EndlessWalk: EntryWalk {
        var isAtEnd: Bool { false }
        func nextPage() -> [Entry] { [] }
    }

    @Test("end a walk that finds nothing soon after their caller has gone")
    func cancelledWalk() async throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let database = try Database.open(at: folder.path)
        let service = try DatabaseService(
            database: database, log: ServerLog(level: .error) { print($0) }.logger,
            maxAnswerByteCount: 1 << 20)
        let (began, beginning) = AsyncStream.makeStream(of: Void.self)
        let (ended, continuation) = AsyncStream.makeStream(of: Bool.self)
        let method = RPCMethod.unary("/test.Walks/Endless", on: .walks) {
            (_: Google_Protobuf_Empty, call: ServerCall) in
            beginning.yield()
            let error = #expect(throws: OperationError.self) {
                try service.operations.pages(of: EndlessWalk(), call) { #expect($0.isEmpty) }
            }
            continuation.yield(error == .callerHasGone && call.isCancelled)
        }
        let server = try await RPCServer.start(
            .init(host: "127.0.0.1", port: 0), methods: [method])
        let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
        let call = Task {
            let _: RPCResponse<Google_Protobuf_Empty> = try await client.unary(
                "/test.Walks/Endless", Google_Protobuf_Empty())
        }
        var first = began.makeAsyncIterator()
        await first.next()
        call.cancel()
        var iterator = ended.makeAsyncIterator()
        #expect(await iterator.next() == true)
        await client.shutdown()
        await server.shutdown(deadline: .seconds(1))
        try database.close()
    }

    @Test("dump entries of all sizes once, in order, in messages that clients accept")
    func dumpOfLargeEntries() async throws {
        try await TestServer.run { server in
            let sizes = [0, 3 << 20, 1, 1 << 20, 1 << 20, 1 << 20, 5, 3 << 20]
            for (number, size) in sizes.enumerated() {
                try await server.set("k\(number)", String(repeating: "v", count: size))
            }
            _ = try await server.setBatch((0..<2500).map { ("n\($0)", "x") })
            let answers: RPCResponseStream<Pb_KVList> = try await server.client.serverStreaming(
                ImmuService.dump, Google_Protobuf_Empty())
            var versions: [UInt64] = []
            for try await message in answers {
                let byteCount = message.kv.reduce(0) { $0 + $1.key.count + $1.value.count }
                #expect(message.kv.count == 1 || byteCount <= 2 << 20)
                for entry in message.kv {
                    if entry.version <= 8 {
                        #expect(entry.value.count == sizes[Int(entry.version) - 1])
                    }
                }
                versions += message.kv.map(\.version)
            }
            #expect(versions == Array(1...2508))
        }
    }
}
