import Foundation
import ImmudbProtocol
import MerkleTree
import RPCTransport
import SwiftProtobuf
import Testing

/// The answers of this server where the original has a defect, by the numbers in docs/protocol.md,
/// section 8.
@Suite("A server without the defects of the original")
struct KnownDefectTests {
    @Test("D1: refuses an empty batch, and goes on")
    func emptyBatch() async throws {
        try await TestServer.run { server in
            for path in [ImmuService.setBatch, ImmuService.setBatchSV] {
                try await server.expectRefusal(
                    path, Google_Protobuf_Empty(), .invalidArgument, "empty batch")
            }
        }
    }

    @Test("D2: refuses absent messages and keys, and names the field")
    func absentMessages() async throws {
        let empty = Google_Protobuf_Empty()
        try await TestServer.run { server in
            for (path, message) in [
                (ImmuService.safeSet, "missing kv"), (ImmuService.safeSetSV, "missing skv"),
                (ImmuService.safeReference, "missing ro"), (ImmuService.safeZAdd, "missing zopts"),
                (ImmuService.setSV, "missing value"), (ImmuService.getSV, "invalid key"),
                (ImmuService.safeGetSV, "invalid key"), (ImmuService.historySV, "invalid key"),
                (ImmuService.zScanSV, "invalid set"),
            ] {
                try await server.expectRefusal(path, empty, .invalidArgument, message)
            }
            try await server.expectRefusal(
                ImmuService.iScanSV, empty, .notFound, "index not found")
            for path in [ImmuService.getSV, ImmuService.safeGetSV] {
                try await server.expectRefusal(
                    path, keyMessage("nobody"), .notFound, "Key not found")
            }
            let keys = Immudb_Schema_KeyList.with { $0.keys = [keyMessage("")] }
            try await server.expectRefusal(
                ImmuService.getBatchSV, keys, .invalidArgument, "invalid key")
            let prefix = Immudb_Schema_ScanOptions.with { $0.prefix = Data([0]) }
            try await server.expectRefusal(
                ImmuService.scanSV, prefix, .invalidArgument, "invalid key prefix")
            let batch = Immudb_Schema_SKVList.with {
                $0.skvs = [structured("a", 1, "x"), .with { $0.key = Data("b".utf8) }]
            }
            try await server.expectRefusal(
                ImmuService.setBatchSV, batch, .invalidArgument, "missing value")
        }
    }

    @Test("D3: dumps an empty database as an empty stream")
    func emptyDump() async throws {
        try await TestServer.run { server in
            #expect(try await server.dump().isEmpty)
            try await server.set("a", "1")
            #expect(try await server.dump().count == 1)
        }
    }

    @Test("D4: gives each entry of a batch its own index, keeps all versions, and proves them")
    func batchIndexes() async throws {
        try await TestServer.run { server in
            try await server.set("before", "0")
            let items = [("a", "1"), ("b", "2"), ("a", "3")]
            #expect(try await server.setBatch(items) == 3)
            for (place, item) in items.enumerated() {
                let stored = try await server.byIndex(UInt64(place) + 1)
                #expect(stored.text == item.0)
                #expect(stored.value == Data(item.1.utf8))
            }
            #expect(try await server.history("a").map(\.index) == [3, 1])
            let proven = try await server.safeGet("b")
            #expect(proven.item.index == 2)
            try proven.proof.verify(
                leaf: .leaf(index: EntryIndex(2), key: "b".utf8, value: "2".utf8))
        }
    }

    @Test("D5: has no consistency proof and no first root for an empty database")
    func emptyTree() async throws {
        try await TestServer.run { server in
            try await server.expectRefusal(
                ImmuService.consistency, indexMessage(0), .notFound, "index not found")
            let request = Immudb_Schema_SafeSetOptions.with {
                $0.kv = keyValue("a", "1")
                $0.rootIndex.index = 1
            }
            try await server.expectRefusal(
                ImmuService.safeSet, request, .invalidArgument, "invalid root index")
        }
    }

    @Test("D6: has the acknowledged entries of any write in the tree")
    func acknowledgedIsInTree() async throws {
        try await TestServer.run { server in
            let indexes = [
                try await server.set("key", "value"), try await server.setBatch([("a", "1")]),
                try await server.reference("name", to: "key"),
                try await server.zAdd("key", to: "set", 1),
            ]
            #expect(indexes == [0, 1, 2, 3])
            for index in indexes {
                let _: Immudb_Schema_InclusionProof = try await server.call(
                    ImmuService.inclusion, indexMessage(index))
                #expect(try await server.byIndex(index).index == index)
            }
            #expect(try await server.currentRoot().index == 3)
        }
    }

    @Test("D7: gives ZAdd and SafeZAdd the same leaf, of the set's key and the member")
    func setLeaves() async throws {
        try await TestServer.run { server in
            try await server.set("key", "value")
            let index = try await server.zAdd("key", to: "set", 1.5)
            let request = Immudb_Schema_SafeZAddOptions.with {
                $0.zopts = zAddOptions("set", 1.5, "key")
            }
            let proof: Immudb_Schema_Proof = try await server.call(ImmuService.safeZAdd, request)
            for index in [index, proof.index] {
                let item = try await server.byIndex(index)
                #expect(item.key == setEntryKey("set", 1.5, "key"))
                #expect(item.value == Data("key".utf8))
                let inclusion: Immudb_Schema_InclusionProof = try await server.call(
                    ImmuService.inclusion, indexMessage(index))
                let leaf = Digest.leaf(index: EntryIndex(index), key: item.key, value: item.value)
                #expect(Digest(inclusion.leaf) == leaf)
                if index == proof.index { try proof.verify(leaf: leaf) }
            }
        }
    }

    @Test("D9: continues scans strictly after the offset, in both directions")
    func offsets() async throws {
        try await TestServer.run { server in
            for key in ["a1", "a2", "a3", "b"] { try await server.set(key, key) }
            #expect(try await server.scan("a", after: Data("a1".utf8)).map(\.text) == ["a2", "a3"])
            let back = try await server.scan("a", after: Data("a25".utf8), reverse: true)
            #expect(back.map(\.text) == ["a2", "a1"])
            for (member, score) in [("a1", 1.0), ("a2", 2.0), ("a3", 3.0)] {
                try await server.zAdd(member, to: "s", score)
            }
            let offset = setEntryKey("s", 2, "a2")
            #expect(try await server.zScan("s", after: offset) == ["a3"])
            #expect(try await server.zScan("s", after: offset, reverse: true) == ["a1"])
        }
    }

    @Test("D11: does not find an index beyond the tree, however large")
    func farIndexes() async throws {
        try await TestServer.run { server in
            try await server.set("a", "1")
            for index in [1, 750_002, .max] as [UInt64] {
                for path in [
                    ImmuService.inclusion, ImmuService.byIndex, ImmuService.byIndexSV,
                    ImmuService.consistency,
                ] {
                    try await server.expectRefusal(
                        path, indexMessage(index), .notFound, "index not found")
                }
            }
        }
    }

    @Test("D12: orders scores as numbers, and refuses NaN, which has no order")
    func scores() async throws {
        try await TestServer.run { server in
            let scores: [(String, Double)] = [
                ("c", -0.0), ("e", 0.5), ("a", -2), ("d", 0), ("b", -0.5), ("f", .infinity),
            ]
            for (member, score) in scores {
                try await server.set(member, member)
                try await server.zAdd(member, to: "s", score)
            }
            #expect(try await server.zScan("s") == ["a", "b", "c", "d", "e", "f"])
            #expect(try await server.zScan("s", limit: 2, reverse: true) == ["f", "e"])
            try await server.expectRefusal(
                ImmuService.zAdd, zAddOptions("s", .nan, "a"), .invalidArgument,
                "invalid score: NaN has no order")
        }
    }

    @Test("D13: has in a set only the members that were added to it")
    func setsApart() async throws {
        try await TestServer.run { server in
            try await server.set("key", "value")
            try await server.zAdd("key", to: "abc", 1)
            try await server.set(
                String(decoding: setEntryKey("ab", 0, "key"), as: UTF8.self), "key")
            #expect(try await server.zScan("ab").isEmpty)
            #expect(try await server.zScan("abc") == ["key"])
            #expect(try await server.count("abc") == 0)
            for set in [Data(), Data([0, 1])] {
                let request = Immudb_Schema_ZScanOptions.with { $0.set = set }
                try await server.expectRefusal(
                    ImmuService.zScan, request, .invalidArgument, "invalid set")
            }
        }
    }

    @Test("D14: includes every key in a reverse scan, whatever its last bytes are")
    func reverseScan() async throws {
        try await TestServer.run { server in
            let keys = [Data("p".utf8), Data("p".utf8) + [0xFF], Data("p".utf8) + [0xFF, 0xFF, 1]]
            for key in keys + [Data([0xFF, 0xFF, 0xFF])] {
                let request = Immudb_Schema_KeyValue.with { $0.key = key }
                let _: Immudb_Schema_Index = try await server.call(ImmuService.set, request)
            }
            #expect(try await server.scan("p", reverse: true).map(\.key) == keys.reversed())
            #expect(try await server.scan(reverse: true).count == 4)
        }
    }

    @Test("D15: shows only real items in deep scans")
    func deepScan() async throws {
        try await TestServer.run { server in
            try await server.set("key", "1")
            try await server.reference("name", to: "key")
            try await server.set("key", "2")
            try await server.zAdd("key", to: "set", 1)
            #expect(try await server.scan().map(\.text) == ["key"])
            let deep = try await server.scan(deep: true)
            #expect(deep.map(\.text) == ["key", "key"])
            #expect(deep.allSatisfy { $0.value == Data("2".utf8) && $0.index == 2 })
        }
    }

    @Test("D18: gives no index to a refused entry")
    func noHoles() async throws {
        try await TestServer.run { server in
            try await server.set("a", "1")
            for request in [referenceOptions("r", "nobody"), referenceOptions("r", "missing")] {
                try await server.expectRefusal(
                    ImmuService.reference, request, .notFound, "Key not found")
            }
            #expect(try await server.set("b", "2") == 1)
        }
    }

    @Test("D19, D21: refuses a value that is not Content in SV reads, and returns it in plain ones")
    func notStructured() async throws {
        try await TestServer.run { server in
            let message = "unexpected not structured value encountered"
            try await server.setStructured("a", 7, "x")
            try await server.set("b", "raw")
            // Parses as protobuf, but encoding it again gives other bytes.
            let request = Immudb_Schema_KeyValue.with {
                $0.key = Data("c".utf8)
                $0.value = Data([0x12, 0x01, 0x41, 0x08, 0x07])
            }
            let _: Immudb_Schema_Index = try await server.call(ImmuService.set, request)
            for key in ["b", "c"] {
                try await server.expectRefusal(
                    ImmuService.getSV, keyMessage(key), .failedPrecondition, message)
            }
            let all = Immudb_Schema_ScanOptions()
            try await server.expectRefusal(
                ImmuService.scanSV, all, .failedPrecondition, message + ": key b")
            #expect(try await server.scan().count == 3)
        }
    }

    @Test("D20: numbers pages of structured items, and says whether more follow")
    func structuredPages() async throws {
        try await TestServer.run { server in
            for number in 0..<3 { try await server.setStructured("k\(number)", 1, "\(number)") }
            let first: Immudb_Schema_SPage = try await server.call(
                ImmuService.iScanSV, iScanOptions(page: 1, size: 2))
            #expect(first.pageNum == 1)
            #expect(first.more)
            let second: Immudb_Schema_SPage = try await server.call(
                ImmuService.iScanSV, iScanOptions(page: 2, size: 2))
            #expect(second.pageNum == 2)
            #expect(!second.more)
            #expect(second.items.map(\.value.payload) == [Data("2".utf8)])
        }
    }

    @Test("D22: dumps one snapshot in small messages while writers go on")
    func dumpBesideWriters() async throws {
        try await TestServer.run { server in
            for number in 0..<12 {
                try await server.set("k\(number)", String(repeating: "v", count: 1 << 20))
            }
            let answers: RPCResponseStream<Pb_KVList> = try await server.client.serverStreaming(
                ImmuService.dump, Google_Protobuf_Empty())
            var versions: [UInt64] = []
            for try await message in answers {
                try await server.set("written during the dump \(versions.count)", "x")
                let byteCount = try message.serializedData().count
                #expect(byteCount < 4 << 20)
                versions += message.kv.map(\.version)
            }
            #expect(versions == Array(1...12))

            // An entry that is larger than a message may be is sent alone.
            try await server.set("large", String(repeating: "v", count: 6 << 20))
            let large = try await server.dump().last
            #expect(large?.value.count == 6 << 20)
        }
    }

    @Test("M6: computes roots and proofs over all entries, of every kind, in their order")
    func everyKindIsALeaf() async throws {
        try await TestServer.run { server in
            try await server.set("key", "value")
            try await server.reference("name", to: "key")
            try await server.zAdd("key", to: "set", -0.0)
            try await server.setStructured("s", 9, "payload")
            var tree = MerkleAccumulator()
            for entry in try await server.dump() {
                tree.append(
                    .leaf(
                        index: EntryIndex(entry.version - 1), key: entry.key, value: entry.value))
            }
            let root = try await server.currentRoot()
            #expect(root.index == 3)
            #expect(Digest(root.root) == tree.root)
        }
    }
}
