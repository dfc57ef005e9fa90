import Foundation
import ImmudbProtocol
import MerkleTree
import RPCTransport
import SwiftProtobuf
import Testing

@Suite("References, walks and structured values over the wire")
struct WalkCallTests {
    @Test("follow a reference one level, and give it a history of its own")
    func references() async throws {
        try await TestServer.run { server in
            try await server.set("key", "1")
            #expect(try await server.reference("name", to: "key") == 1)
            try await server.reference("nickname", to: "name")
            try await server.set("key", "2")
            let item = try await server.get("name")
            #expect(item.text == "key")
            #expect(item.value == Data("2".utf8))
            #expect(try await server.get("nickname").value == Data("key".utf8))
            #expect(try await server.history("name").map(\.value) == [Data("key".utf8)])
            #expect(try await server.byIndex(1).value == Data("key".utf8))
            #expect(try await server.count("n") == 2)
        }
    }

    @Test("check the target, then the name of a reference, and write nothing if they are bad")
    func referenceChecks() async throws {
        try await TestServer.run { server in
            try await server.set("key", "1")
            for (name, key, message) in [
                ("", "", "invalid key"), ("", "key", "invalid reference"),
                ("\0x", "key", "invalid reference"), ("!badger!x", "key", "invalid key"),
            ] {
                try await server.expectRefusal(
                    ImmuService.reference, referenceOptions(name, key), .invalidArgument, message)
                if name.first == "!" { continue }
                let safe = Immudb_Schema_SafeReferenceOptions.with {
                    $0.ro = referenceOptions(name, key)
                }
                try await server.expectRefusal(
                    ImmuService.safeReference, safe, .invalidArgument, "invalid key")
            }
            let beyond = Immudb_Schema_SafeReferenceOptions.with {
                $0.ro = referenceOptions("name", "key")
                $0.rootIndex.index = 1
            }
            try await server.expectRefusal(
                ImmuService.safeReference, beyond, .invalidArgument, "invalid root index")
        }
    }

    @Test("prove the reference's own entry in SafeReference")
    func safeReference() async throws {
        try await TestServer.run { server in
            try await server.set("key", "1")
            let trusted = try await server.currentRoot()
            let request = Immudb_Schema_SafeReferenceOptions.with {
                $0.ro = referenceOptions("name", "key")
                $0.rootIndex.index = trusted.index
            }
            let proof: Immudb_Schema_Proof = try await server.call(
                ImmuService.safeReference, request)
            try proof.verify(
                leaf: .leaf(index: EntryIndex(1), key: "name".utf8, value: "key".utf8),
                trusted: trusted)
        }
    }

    @Test("scan the newest version of each key in byte order, up to the limit")
    func scans() async throws {
        try await TestServer.run { server in
            for key in ["b", "a", "c", "a"] { try await server.set(key, "\(key)!") }
            #expect(try await server.scan().map(\.text) == ["a", "b", "c"])
            #expect(try await server.scan().first?.index == 3)
            #expect(try await server.scan(limit: 2).map(\.text) == ["a", "b"])
            #expect(try await server.scan(limit: .max, reverse: true).map(\.text).last == "a")
            #expect(try await server.scan("x").isEmpty)
            let offset = Immudb_Schema_ScanOptions.with { $0.offset = Data([0]) }
            try await server.expectRefusal(
                ImmuService.scan, offset, .invalidArgument, "invalid offset")
        }
    }

    @Test("count the keys with a prefix, not their versions")
    func counts() async throws {
        try await TestServer.run { server in
            for key in ["a1", "a2", "a1", "b"] { try await server.set(key, "x") }
            #expect(try await server.count("a") == 2)
            for prefix in [Data(), Data([0])] {
                try await server.expectRefusal(
                    ImmuService.count, Immudb_Schema_KeyPrefix.with { $0.prefix = prefix },
                    .invalidArgument, "invalid key prefix")
            }
        }
    }

    @Test("take page 0 as page 1 and size 0 as one entry, and report the exact end")
    func pages() async throws {
        try await TestServer.run { server in
            try await server.expectRefusal(
                ImmuService.iScan, iScanOptions(page: 1, size: 10), .notFound, "index not found")
            for number in 0..<5 { try await server.set("k\(number)", "x") }
            let expected: [(page: UInt64, size: UInt64, keys: [String], more: Bool)] = [
                (0, 2, ["k0", "k1"], true), (1, 2, ["k0", "k1"], true), (2, 2, ["k2", "k3"], true),
                (3, 2, ["k4"], false), (1, 5, ["k0", "k1", "k2", "k3", "k4"], false),
                (0, 0, ["k0"], true), (9, 0, ["k0"], true),
                (1, .max, ["k0", "k1", "k2", "k3", "k4"], false),
            ]
            for (number, size, keys, more) in expected {
                let page = try await server.iScan(page: number, size: size)
                #expect(page.items.map(\.text) == keys, "page \(number) of \(size)")
                #expect(page.more == more, "page \(number) of \(size)")
            }
            for (number, size) in [(4, 2), (2, 5), (2, .max), (.max, .max), (.max, 1)]
                as [(UInt64, UInt64)]
            {
                try await server.expectRefusal(
                    ImmuService.iScan, iScanOptions(page: number, size: size), .notFound,
                    "index not found")
            }
        }
    }

    @Test("refuse a page that fits into no message, instead of cutting it short")
    func largePages() async throws {
        try await TestServer.run { server in
            for number in 0..<5 {
                try await server.set("k\(number)", String(repeating: "v", count: 8 << 20))
            }
            let error = try await server.refusal(ImmuService.iScan, iScanOptions(page: 1, size: 5))
            #expect(error.code == .resourceExhausted)
            #expect(error.message.contains("smaller pages"))
            #expect(try await server.iScan(page: 1, size: 3).items.count == 3)
            // A scan ends early instead: its caller continues after the last key.
            let first = try await server.scan()
            #expect(first.count == 3)
            #expect(try await server.scan(after: first[2].key).count == 2)
        }
    }

    @Test("return structured values unchanged by every method")
    func structuredValues() async throws {
        try await TestServer.run { server in
            try await server.setStructured("a", 7, "x")
            // A time of 0 without a payload is stored as an empty value, which is Content, too.
            try await server.setStructured("b", 0, "")
            let safe = Immudb_Schema_SafeSetSVOptions.with { $0.skv = structured("a", 8, "y") }
            let proof: Immudb_Schema_Proof = try await server.call(ImmuService.safeSetSV, safe)
            try proof.verify(
                leaf: .leaf(
                    index: EntryIndex(2), key: "a".utf8, value: [0x08, 8, 0x12, 1, 0x79]))
            let batch = Immudb_Schema_SKVList.with { $0.skvs = [structured("c", 9, "z")] }
            let last: Immudb_Schema_Index = try await server.call(ImmuService.setBatchSV, batch)
            #expect(last.index == 3)

            let item: Immudb_Schema_StructuredItem = try await server.call(
                ImmuService.getSV, keyMessage("b"))
            #expect(item.hasValue)
            #expect(item.value == Immudb_Schema_Content())
            let proven: Immudb_Schema_SafeStructuredItem = try await server.call(
                ImmuService.safeGetSV, safeGetOptions("a", rootIndex: nil))
            #expect(proven.item.value.timestamp == 8)
            try proven.proof.verify(
                leaf: .leaf(
                    index: EntryIndex(2), key: "a".utf8, value: [0x08, 8, 0x12, 1, 0x79]))
            let third: Immudb_Schema_StructuredItem = try await server.call(
                ImmuService.byIndexSV, indexMessage(3))
            #expect(third.value.payload == Data("z".utf8))
            let history: Immudb_Schema_StructuredItemList = try await server.call(
                ImmuService.historySV, keyMessage("a"))
            #expect(history.items.map(\.value.timestamp) == [8, 7])
            let keys = Immudb_Schema_KeyList.with { $0.keys = ["c", "x", "a"].map(keyMessage) }
            let some: Immudb_Schema_StructuredItemList = try await server.call(
                ImmuService.getBatchSV, keys)
            #expect(some.items.map(\.value.timestamp) == [9, 8])
            try await server.zAdd("a", to: "set", 1)
            let set = Immudb_Schema_ZScanOptions.with { $0.set = Data("set".utf8) }
            let members: Immudb_Schema_StructuredItemList = try await server.call(
                ImmuService.zScanSV, set)
            #expect(members.items.map(\.value.timestamp) == [8])
        }
    }
}
