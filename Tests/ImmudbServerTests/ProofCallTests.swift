import Foundation
import ImmudbProtocol
import MerkleTree
import RPCTransport
import SwiftProtobuf
import Testing

@Suite("Proofs over the wire")
struct ProofCallTests {
    @Test("do not exist for an empty database, which has index 0 and an empty root")
    func emptyDatabase() async throws {
        try await TestServer.run { server in
            let root = try await server.currentRoot()
            #expect(root.index == 0)
            #expect(root.root.isEmpty)
            let health: Immudb_Schema_HealthResponse = try await server.call(
                ImmuService.health, Google_Protobuf_Empty())
            #expect(health.status)
            let calls = [ImmuService.inclusion, ImmuService.consistency, ImmuService.byIndex]
            for path in calls {
                for index in [0, 1, UInt64.max] {
                    try await server.expectRefusal(
                        path, indexMessage(index), .notFound, "index not found")
                }
            }
            try await server.expectRefusal(
                ImmuService.safeGet, safeGetOptions("key", rootIndex: nil),
                .notFound, "Key not found")
        }
    }

    @Test("show that each verified write extends the tree of the one before")
    func safeSets() async throws {
        try await TestServer.run { server in
            var trusted: Immudb_Schema_Root?
            for number in 0..<70 {
                let proof = try await server.safeSet(
                    "key\(number % 5)", "\(number)", rootIndex: trusted?.index)
                #expect(proof.index == UInt64(number))
                #expect(proof.at == UInt64(number))
                let leaf = Digest.leaf(
                    index: EntryIndex(UInt64(number)), key: Array("key\(number % 5)".utf8),
                    value: Array("\(number)".utf8))
                try proof.verify(leaf: leaf, trusted: trusted)
                if number == 0 { #expect(proof.consistencyPath.isEmpty) }
                trusted = .with {
                    $0.index = proof.at
                    $0.root = proof.root
                }
                #expect(try await server.currentRoot() == trusted)
            }
        }
    }

    @Test("prove the entry of a verified read since any earlier root")
    func safeGets() async throws {
        try await TestServer.run { server in
            var roots: [Immudb_Schema_Root] = []
            for number in 0..<20 {
                try await server.set("key\(number)", "value\(number)")
                roots.append(try await server.currentRoot())
            }
            for trusted in roots {
                let safe = try await server.safeGet("key7", rootIndex: trusted.index)
                #expect(safe.item.value == Data("value7".utf8))
                #expect(safe.item.index == safe.proof.index)
                try safe.proof.verify(
                    leaf: .leaf(
                        index: EntryIndex(7), key: Array("key7".utf8), value: Array("value7".utf8)),
                    trusted: trusted)
                #expect(safe.proof.consistencyPath.isEmpty == (trusted.index == 19))
            }
            let absent = try await server.safeGet("key7")
            let zero = try await server.safeGet("key7", rootIndex: 0)
            #expect(absent == zero)
            try absent.proof.verify(
                leaf: .leaf(
                    index: EntryIndex(7), key: Array("key7".utf8), value: Array("value7".utf8)),
                trusted: roots[0])
        }
    }

    @Test(
        "are refused for a root index beyond the tree, also an empty one, before anything is written"
    )
    func invalidRootIndex() async throws {
        try await TestServer.run { server in
            for size in 0..<3 {
                for rootIndex in [UInt64(max(size, 1)), 100, .max - 1, .max] {
                    let set = Immudb_Schema_SafeSetOptions.with {
                        $0.kv = keyValue("key", "value")
                        $0.rootIndex.index = rootIndex
                    }
                    try await server.expectRefusal(
                        ImmuService.safeSet, set, .invalidArgument, "invalid root index")
                    try await server.expectRefusal(
                        ImmuService.safeGet, safeGetOptions("key", rootIndex: rootIndex),
                        .invalidArgument, "invalid root index")
                }
                try await server.set("key", "\(size)")
            }
        }
    }

    @Test("hold for every index of every tree, in Inclusion and Consistency")
    func standaloneProofs() async throws {
        try await TestServer.run { server in
            var roots: [Digest] = []
            for number in 0..<12 {
                try await server.set("key\(number)", "value\(number)")
                let current = try await server.currentRoot()
                let root = try #require(Digest(current.root))
                roots.append(root)
                for index in 0...number {
                    let size = TreeSize(UInt64(number) + 1)
                    let inclusion: Immudb_Schema_InclusionProof = try await server.call(
                        ImmuService.inclusion, indexMessage(UInt64(index)))
                    #expect(inclusion.at == UInt64(number))
                    #expect(inclusion.index == UInt64(index))
                    #expect(Digest(inclusion.root) == root)
                    let leaf = Digest.leaf(
                        index: EntryIndex(UInt64(index)), key: Array("key\(index)".utf8),
                        value: Array("value\(index)".utf8))
                    #expect(Digest(inclusion.leaf) == leaf)
                    try InclusionProof(
                        index: EntryIndex(UInt64(index)), size: size,
                        path: inclusion.path.map { try #require(Digest($0)) }
                    ).verify(leaf: leaf, root: root)

                    let consistency: Immudb_Schema_ConsistencyProof = try await server.call(
                        ImmuService.consistency, indexMessage(UInt64(index)))
                    #expect(consistency.first == UInt64(index))
                    #expect(consistency.second == UInt64(number))
                    #expect(consistency.firstRoot.isEmpty)
                    #expect(Digest(consistency.secondRoot) == root)
                    #expect(consistency.path.isEmpty == (index == number))
                    try ConsistencyProof(
                        from: TreeSize(UInt64(index) + 1), to: size,
                        path: consistency.path.map { try #require(Digest($0)) }
                    ).verify(from: roots[index], to: root)
                }
                for index in [UInt64(number) + 1, .max] {
                    for path in [ImmuService.inclusion, ImmuService.consistency] {
                        try await server.expectRefusal(
                            path, indexMessage(index), .notFound, "index not found")
                    }
                }
            }
        }
    }
}
