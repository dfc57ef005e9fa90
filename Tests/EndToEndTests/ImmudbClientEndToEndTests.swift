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

    @Test("Plain calls write and read structured and raw values, batches, history and places")
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

    @Test("Proofs by index and by tree size verify, also across a restart of the server")
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

    @Test("Verified calls of many tasks at once all verify, and leave the newest root trusted")
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

    @Test("A server that is killed and started again is the same server, and is verified on")
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
