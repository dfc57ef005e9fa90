import Foundation
import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import MerkleTree
import RPCTransport
import SwiftProtobuf
import Testing

@Suite("Sets and gets over the wire")
struct EntryCallTests {
    @Test("answer with consecutive indexes, and with the newest value")
    func setAndGet() async throws {
        try await TestServer.run { server in
            #expect(try await server.set("a", "1") == 0)
            #expect(try await server.set("b", "") == 1)
            #expect(try await server.set("a", "2") == 2)
            let newest = try await server.get("a")
            #expect(newest.key == Data("a".utf8))
            #expect(newest.value == Data("2".utf8))
            #expect(newest.index == 2)
            #expect(try await server.get("b").value.isEmpty)
            try await server.expectRefusal(
                ImmuService.get, keyMessage("c"), .notFound, "Key not found")
        }
    }

    @Test("take any bytes as keys and values, also large ones")
    func anyBytes() async throws {
        try await TestServer.run { server in
            var request = Immudb_Schema_KeyValue()
            request.key = Data([0xff, 0x00, 0x80]) + Data(repeating: 7, count: 64_997)
            request.value = Data((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let index: Immudb_Schema_Index = try await server.call(ImmuService.set, request)
            let key = Immudb_Schema_Key.with { $0.key = request.key }
            let item: Immudb_Schema_Item = try await server.call(ImmuService.get, key)
            #expect(item.key == request.key)
            #expect(item.value == request.value)
            #expect(item.index == index.index)
        }
    }

    @Test("have each acknowledged entry in the tree at once, beside other writers")
    func acknowledgedIsVisible() async throws {
        try await TestServer.run { server in
            try await withThrowingTaskGroup(of: UInt64.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        let index = try await server.set("key\(number)", "value\(number)")
                        let item = try await server.byIndex(index)
                        #expect(item.key == Data("key\(number)".utf8))
                        let proof: Immudb_Schema_InclusionProof = try await server.call(
                            ImmuService.inclusion, indexMessage(index))
                        let leaf = Digest.leaf(
                            index: EntryIndex(index), key: Array("key\(number)".utf8),
                            value: Array("value\(number)".utf8))
                        #expect(Digest(proof.leaf) == leaf)
                        #expect(try await server.currentRoot().index >= index)
                        return index
                    }
                }
                var indexes: Set<UInt64> = []
                for try await index in group { indexes.insert(index) }
                #expect(indexes == Set(0..<64))
            }
        }
    }

    @Test("append a batch as one write with an index for each entry, and answer with the last one")
    func batch() async throws {
        try await TestServer.run { server in
            try await server.set("x", "0")
            let items = [("a", "1"), ("b", "2"), ("a", "3"), ("x", "4")]
            #expect(try await server.setBatch(items) == 4)
            for (offset, item) in items.enumerated() {
                let entry = try await server.byIndex(UInt64(offset) + 1)
                #expect(entry.key == Data(item.0.utf8))
                #expect(entry.value == Data(item.1.utf8))
                let proof: Immudb_Schema_InclusionProof = try await server.call(
                    ImmuService.inclusion, indexMessage(entry.index))
                let leaf = Digest.leaf(
                    index: EntryIndex(entry.index), key: Array(item.0.utf8),
                    value: Array(item.1.utf8))
                #expect(Digest(proof.leaf) == leaf)
            }
            #expect(try await server.get("a").index == 3)
            #expect(try await server.history("a").map(\.index) == [3, 1])
            #expect(try await server.history("x").map(\.index) == [4, 0])
        }
    }

    @Test("write nothing of a batch that is empty, too long, or has a bad key")
    func refusedBatches() async throws {
        try await TestServer.run { server in
            try await server.set("x", "0")
            let path = ImmuService.setBatch
            var batch = Immudb_Schema_KVList()
            try await server.expectRefusal(path, batch, .invalidArgument, "empty batch")
            batch.kvs = [keyValue("a", "1"), keyValue("", "2"), keyValue("c", "3")]
            try await server.expectRefusal(path, batch, .invalidArgument, "invalid key")
            batch.kvs = Array(repeating: keyValue("k", ""), count: 104_856)
            try await server.expectRefusal(
                path, batch, .unknown, "Txn is too big to fit into one request")
            batch.kvs.removeLast()
            let index: Immudb_Schema_Index = try await server.call(path, batch)
            #expect(index.index == 104_855)
        }
    }

    @Test("keep the order and the repetitions of a GetBatch, and skip missing keys")
    func getBatch() async throws {
        try await TestServer.run { server in
            _ = try await server.setBatch([("a", "1"), ("b", "2"), ("c", "3")])
            var request = Immudb_Schema_KeyList()
            request.keys = ["c", "none", "a", "c"].map(keyMessage)
            let list: Immudb_Schema_ItemList = try await server.call(ImmuService.getBatch, request)
            #expect(
                list.items.map { String(decoding: $0.value, as: UTF8.self) } == ["3", "1", "3"])
            let empty: Immudb_Schema_ItemList = try await server.call(
                ImmuService.getBatch, Immudb_Schema_KeyList())
            #expect(empty.items.isEmpty)
            request.keys.append(keyMessage("\0"))
            try await server.expectRefusal(
                ImmuService.getBatch, request, .invalidArgument, "invalid key")
        }
    }

    @Test("list all versions of exactly one key in History, newest first")
    func history() async throws {
        try await TestServer.run { server in
            for number in 0..<50 {
                try await server.set("key", "\(number)")
                try await server.set("key\(number)", "other")
            }
            let versions = try await server.history("key")
            #expect(versions.map(\.index) == (0..<50).reversed().map { UInt64($0) * 2 })
            let values = versions.map { String(decoding: $0.value, as: UTF8.self) }
            #expect(values == (0..<50).reversed().map(String.init))
            #expect(try await server.history("none").isEmpty)
        }
    }

    @Test(
        "follow a reference one level in Get and SafeGet, and show it unchanged in ByIndex and History"
    )
    func references() async throws {
        try await TestServer.run { server in
            try await server.set("target", "old")
            try await append(.reference, "name", "target", to: server)
            try await append(.reference, "outer", "name", to: server)
            try await server.set("target", "new")

            let item = try await server.get("name")
            #expect(item.key == Data("target".utf8))
            #expect(item.value == Data("new".utf8))
            #expect(item.index == 3)
            // A reference to a reference returns the inner one, which is not followed.
            #expect(try await server.get("outer").value == Data("target".utf8))

            let safe = try await server.safeGet("name")
            #expect(safe.item == item)
            #expect(safe.proof.index == 3)
            try safe.proof.verify(
                leaf: .leaf(
                    index: EntryIndex(3), key: Array("target".utf8), value: Array("new".utf8)))

            #expect(try await server.byIndex(1).key == Data("name".utf8))
            #expect(try await server.byIndex(1).value == Data("target".utf8))
            #expect(try await server.history("name").map(\.index) == [1])
        }
    }

    private func append(
        _ kind: EntryKind, _ key: String, _ value: String, to server: TestServer
    ) async throws {
        let entry = NewEntry(kind: kind, key: Array(key.utf8), value: Array(value.utf8))
        _ = try await withCheckedThrowingContinuation { continuation in
            server.server.database.append([entry]) { continuation.resume(with: $0) }
        }
    }
}
