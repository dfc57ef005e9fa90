import Foundation
import ImmudbClient
import MerkleTree
import TestTools
import Testing

@Suite("ImmudbClient against a real immudb")
struct ImmudbClientEndToEndTests {
    private let data: TemporaryFolder
    private let roots: TemporaryFolder

    init() throws {
        data = TemporaryFolder()
        roots = TemporaryFolder()
    }

    private func connect(_ server: RunningServer) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: roots.path),
            firstContact: .trustOnFirstUse)
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test(
        "writes and reads structured and raw values, batches, history and references by plain calls"
    )
    func plainCalls() async throws {
        let server = try await RunningServer(dir: data.path)
        let client = try await connect(server)
        #expect(try await client.health().isWhole)
        #expect(try await client.currentRoot() == .empty)

        let before = UInt64(Date().timeIntervalSince1970)
        #expect(try await client.set("k", "one") == EntryIndex(0))
        #expect(try await client.rawSet(bytes("k"), [0xff, 0x00]) == EntryIndex(1))
        let last = try await client.setBatch([
            (bytes("a"), bytes("1")), (bytes("k"), bytes("two")), (bytes("a"), bytes("2")),
        ])
        #expect(last == EntryIndex(4))

        let newest = try await client.get("k")
        #expect(newest.index == EntryIndex(3))
        #expect(newest.payload == bytes("two"))
        let history = try await client.history(of: bytes("k"))
        #expect(history.map(\.index.rawValue) == [3, 1, 0])
        #expect(history[1].content == nil)
        #expect(history[1].payload == [0xff, 0x00])
        let timestamp = try #require(history[2].content?.timestamp)
        #expect((before...before + 60).contains(timestamp))
        let some = try await client.getBatch([bytes("a"), bytes("none"), bytes("k")])
        #expect(some.map(\.index.rawValue) == [4, 3])
        #expect(try await client.entry(at: EntryIndex(3)) == newest)
        await #expect(throws: ClientError(.notFound, "")) {
            try await client.entry(at: EntryIndex(5))
        }
        await #expect(throws: ClientError(.notFound, "")) { try await client.get("none") }
        await #expect(throws: ClientError(.refused, "")) { try await client.set("", "value") }
        #expect(try await client.history(of: bytes("none")).isEmpty)
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test("takes text and data in place of bytes, and has walks with ends and proofs")
    func textsAndWalks() async throws {
        let server = try await RunningServer(dir: data.path)
        let client = try await connect(server)
        for number in 0..<25 {
            try await client.set("key\(number % 5)", Data("value \(number)".utf8))
        }
        try await client.verifiedSetBatch([(key: "a", value: "1"), (key: "b", value: "2")])
        try await client.verifiedReference("name", to: "key3")
        #expect(try await client.verifiedGet("name").value.payload == bytes("value 23"))
        #expect(try await client.getBatch(["a", "b"]).map(\.payload) == [bytes("1"), bytes("2")])
        #expect(try await client.count(prefix: "key") == 5)

        var keys: [String] = []
        for try await verified in client.verifiedScan(prefix: "key", pageSize: 2) {
            keys.append(String(decoding: verified.value.key, as: UTF8.self))
        }
        #expect(keys == ["key0", "key1", "key2", "key3", "key4"])
        func walked(_ walk: EntrySequence<any Error>) async throws -> [String] {
            var keys: [String] = []
            for try await entry in walk { keys.append(String(decoding: entry.key, as: UTF8.self)) }
            return keys
        }
        let key = bytes("key")
        for pageSize in [1, 2, 100] {
            #expect(
                try await walked(
                    client.entries(
                        withPrefix: key, after: bytes("key0"), before: bytes("key3"),
                        pageSize: pageSize)) == ["key1", "key2"])
            #expect(
                try await walked(
                    client.entries(
                        withPrefix: key, before: bytes("key2"), reverse: true, pageSize: pageSize))
                    == ["key4", "key3"])
            var indexes: [UInt64] = []
            let entries = client.verifiedEntries(
                from: EntryIndex(3), before: EntryIndex(12), pageSize: pageSize)
            for try await verified in entries { indexes.append(verified.value.index.rawValue) }
            #expect(indexes == Array(3..<12))
        }
        var count = 0
        for try await verified in client.verifiedEntries() {
            #expect(verified.value.index.rawValue == UInt64(count))
            count += 1
        }
        #expect(count == 28)
        var versions: [String] = []
        for try await verified in client.verifiedHistory(of: "key3") {
            versions.append(String(decoding: verified.value.payload, as: UTF8.self))
        }
        #expect(versions == ["value 23", "value 18", "value 13", "value 8", "value 3"])
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test("verifies proofs by index and by tree size, also across a restart of the server")
    func proofs() async throws {
        var server = try await RunningServer(dir: data.path)
        var client = try await connect(server)
        for number in 0..<9 { try await client.set("key \(number)", "value") }
        let old = try await client.currentRoot()
        await client.close()
        #expect(try await server.stop() == 0)

        server = try await RunningServer(dir: data.path)
        client = try await connect(server)
        for number in 0..<5 { try await client.set("new \(number)", "value") }
        let (consistency, newRoot) = try await client.consistencyProof(from: old.size)
        #expect(consistency.to == TreeSize(14))
        try consistency.verify(from: old.root, to: newRoot)
        for index in 0..<UInt64(14) {
            let entry = try await client.entry(at: EntryIndex(index))
            let (inclusion, leaf, root) = try await client.inclusionProof(of: EntryIndex(index))
            #expect(leaf == entry.leaf)
            #expect(root == newRoot)
            try inclusion.verify(leaf: leaf, root: root)
        }
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test("verifies calls of many tasks at once, and leaves the newest root trusted")
    func manyTasks() async throws {
        let server = try await RunningServer(dir: data.path)
        let client = try await connect(server)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<32 {
                group.addTask {
                    for number in 0..<10 {
                        let key = "key \(task) \(number)"
                        let written = try await client.verifiedSet(key, "value \(number)")
                        let read = try await client.verifiedGet(key)
                        #expect(read.value == written.value)
                    }
                }
            }
            try await group.waitForAll()
        }
        let trusted = try await client.trustedRoot()
        #expect(trusted.size == TreeSize(320))
        #expect(trusted == (try await client.currentRoot()))
        #expect(try await client.verifyContinuation() == trusted)
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test("knows a server again that was killed and restarted, and continues to verify it")
    func killedServer() async throws {
        var server = try await RunningServer(dir: data.path)
        let port = server.port
        let client = try await connect(server)
        let written = try await client.verifiedSet("k", "v")
        server.process.kill()
        _ = try await server.process.exitCode()
        await #expect(throws: ClientError(.unavailable, "")) { try await client.verifiedGet("k") }

        server = try await RunningServer(dir: data.path, port: port)
        var read: Verified<Entry>?
        for _ in 0..<100 where read == nil {
            do {
                read = try await client.verifiedGet("k")
            } catch let error as ClientError where error.code == .unavailable {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        #expect(read?.value == written.value)
        await client.close()
        #expect(try await server.stop() == 0)
    }
}
