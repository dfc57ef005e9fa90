import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import TestTools
import Testing

@Suite("Answers that would crash, deceive or hold a careless client")
struct HostileAnswerTests {
    private let folder: TemporaryFolder

    init() throws { folder = TemporaryFolder() }

    private func connect(
        _ server: LyingServer, _ roots: (any TrustedRootStore)? = nil
    ) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: roots ?? FileTrustedRootStore(directory: folder.path),
            firstContact: .trustOnFirstUse)
    }

    private var rootFile: URL {
        URL(fileURLWithPath: "\(folder.path)/.root-\(LyingServer.identityText)")
    }

    @Test(
        "are refused if they acknowledge a batch at an index that no tree has",
        arguments: [.max, .max - 1, .max - 2, 1 << 63, 0] as [UInt64])
    func batchIndexes(index: UInt64) async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        let client = try await connect(server)
        server.change { $0.alterBatch = { $0.index = index } }
        await #expect(throws: VerificationError(.wrongIndex, "")) {
            try await client.verifiedRawSetBatch([([1], [1]), ([2], [2])])
        }
        await client.close()
        await server.stop()
    }

    @Test("end a walk with an error if they have a page with any index, or the same page again")
    func pages() async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        let client = try await connect(server)
        func item(_ index: UInt64, _ key: String) -> Immudb_Schema_Item {
            var item = Immudb_Schema_Item()
            item.index = index
            item.key = Data(key.utf8)
            return item
        }
        let pages = [
            [item(.max, "a")], [item(0, "a"), item(0, "a")], [item(1, "a")],
            [item(0, "a"), item(.max - 1, "b")],
        ]
        for page in pages {
            server.change { $0.page = page }
            for pageSize in [1, 2] {
                await #expect(throws: ClientError(.incompatible, ""), "\(page)") {
                    for try await _ in client.entries(from: EntryIndex(0), pageSize: pageSize) {}
                }
            }
        }
        // The original ignores the offset of a scan.
        server.change { $0.page = [item(0, "a"), item(1, "b")] }
        var count = 0
        await #expect(throws: ClientError(.incompatible, "")) {
            for try await _ in client.entries(withPrefix: []) { count += 1 }
        }
        #expect(count == 2)
        await #expect(throws: ClientError(.incompatible, "")) {
            for try await _ in client.entries(withPrefix: [9]) {}
        }
        var far = 0
        server.change { $0.page = [] }
        for try await _ in client.entries(from: EntryIndex(.max), pageSize: 1) { far += 1 }
        #expect(far == 0)
        await client.close()
        await server.stop()
    }

    @Test("end a dump with an error if they have no entries")
    func emptyDump() async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        let client = try await connect(server)
        server.change { $0.emptyDumpMessageCount = 10_000 }
        await #expect(throws: ClientError(.incompatible, "")) {
            for try await _ in try await client.dump() {}
        }
        server.change { $0.emptyDumpMessageCount = 1 }
        for try await entry in try await client.dump() { Issue.record("\(entry)") }
        await client.close()
        await server.stop()
    }

    @Test("do not cause a second first contact if a root file disappears or goes back")
    func lostRoots() async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        let client = try await connect(server)
        _ = try await client.verifiedGet("key1")
        let older = try Data(contentsOf: rootFile)
        try await client.verifiedSet("new", "value")
        let newer = try Data(contentsOf: rootFile)
        for content in [nil, Data(), older] {
            if let content {
                try content.write(to: rootFile)
            } else {
                try FileManager.default.removeItem(at: rootFile)
            }
            let error = await #expect(throws: ClientError.self) {
                try await client.verifiedGet("key1")
            }
            #expect(error?.code == .trustedRootUnusable)
            let advice = content?.isEmpty == true ? "Restore the file" : "Put it back"
            #expect(error?.message.contains(advice) == true)
        }
        try newer.write(to: rootFile)
        _ = try await client.verifiedGet("key1")
        await client.close()
        await server.stop()
    }

    @Test("do not cause a first contact if a root file is empty", arguments: [true, false])
    func emptyRootFile(refuses: Bool) async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        try Data().write(to: rootFile)
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: folder.path),
            firstContact: refuses ? .refuse : .trustOnFirstUse)
        await #expect(throws: ClientError(.trustedRootUnusable, "")) {
            try await client.verifiedGet("key1")
        }
        #expect(try Data(contentsOf: rootFile).isEmpty)
        await client.close()
        await server.stop()
    }

    @Test("are not blamed for a forged receipt, nor are honest calls beside it")
    func forgedReceipt() async throws {
        let server = try await LyingServer.start(TestLedger(count: 13))
        let client = try await connect(server, InMemoryTrustedRootStore())
        let identity = try #require(ServerIdentity(LyingServer.identityText))
        let forger = TestLedger(count: 8, salt: "!")
        let receipt = Receipt(
            server: identity, entry: forger.entries[3], root: forger.root,
            path: forger.inclusionProof(of: EntryIndex(3)).path)
        try receipt.verify()
        let huge = Receipt(
            server: identity, entry: TestLedger(count: 900, salt: "!").entries[3],
            root: TestLedger(count: 900, salt: "!").root,
            path: TestLedger(count: 900, salt: "!").inclusionProof(of: EntryIndex(3)).path)
        server.change { $0.writesToGather = 10 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<10 {
                group.addTask { try await client.verifiedSet("new \(number)", "value") }
            }
            for forged in [receipt, huge] {
                group.addTask {
                    await #expect(throws: VerificationError(.receiptRefuted, "")) {
                        try await client.verify(forged)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await client.trustedRoot() == server.ledger.root)
        await client.close()
        await server.stop()
    }

    @Test("cannot confirm a receipt of the trusted tree after the server lost it")
    func receiptOfTrustedTree() async throws {
        let ledger = TestLedger(count: 7)
        let server = try await LyingServer.start(ledger)
        let client = try await connect(server)
        let receipt = try await client.receipt(of: Array("key5".utf8))
        #expect(receipt.root == (try await client.trustedRoot()))
        _ = try await client.verify(receipt)
        server.change { $0.ledger = TestLedger(count: 9, salt: "!") }
        await #expect(throws: VerificationError(.consistencyFailed, "")) {
            try await client.verify(receipt)
        }
        server.change { $0.ledger = TestLedger(count: 3) }
        await #expect(throws: VerificationError(.treeShrank, "")) {
            try await client.verify(receipt)
        }
        await client.close()
        await server.stop()
    }

    @Test("are refused if they deny an entry of the trusted tree")
    func deniedEntry() async throws {
        let server = try await LyingServer.start(TestLedger(count: 13))
        let client = try await connect(server)
        _ = try await client.trustedRoot()
        server.change { $0.deniesEntries = true }
        await #expect(throws: VerificationError(.inclusionFailed, "")) {
            try await client.verifiedEntry(at: EntryIndex(5))
        }
        await #expect(throws: ClientError(.notFound, "")) {
            try await client.verifiedEntry(at: EntryIndex(13))
        }
        await client.close()
        await server.stop()
    }

    @Test("must link a root that the application supplies to the stored one")
    func broughtRoot() async throws {
        let ledger = TestLedger(count: 13)
        let server = try await LyingServer.start(ledger)
        let roots = InMemoryTrustedRootStore()
        _ = try await connect(server, roots).verifiedGet("key1")
        for (root, isRight) in [
            (ledger.root(of: TreeSize(5)), true), (TestLedger(count: 5, salt: "!").root, false),
        ] {
            let client = try await ImmudbClient.connect(
                ImmudbClient.Configuration(port: server.port), trustedRoots: roots,
                firstContact: .trust(root))
            if isRight {
                _ = try await client.verifiedGet("key1")
            } else {
                await #expect(throws: VerificationError.self) {
                    try await client.verifiedGet("key1")
                }
            }
            await client.close()
        }
        await server.stop()
    }

    @Test("are refused before any call if they are of an unexpected server")
    func expectedIdentity() async throws {
        let server = try await LyingServer.start(TestLedger(count: 1))
        await #expect(throws: ClientError(.serverChanged, "")) {
            try await ImmudbClient.connect(
                ImmudbClient.Configuration(port: server.port),
                trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse,
                expecting: ServerIdentity("00000000000000000000"))
        }
        await server.stop()
    }

    @Test("appear in the evidence of two histories for the call that failed")
    func evidenceOfFork() async throws {
        let server = try await LyingServer.start(TestLedger(count: 13))
        var configuration = ImmudbClient.Configuration(port: server.port)
        configuration.evidenceDirectory = folder.path
        let client = try await ImmudbClient.connect(
            configuration, trustedRoots: InMemoryTrustedRootStore(),
            firstContact: .trustOnFirstUse)
        _ = try await client.trustedRoot()
        server.change {
            $0.writesToGather = 2
            $0.forksNextWrite = true
        }
        let files = await withTaskGroup(of: String?.self) { group in
            for number in 0..<2 {
                group.addTask {
                    do {
                        _ = try await client.verifiedSet("new \(number)", "value")
                        return nil
                    } catch {
                        return (error as? VerificationError)?.evidenceFile
                    }
                }
            }
            return await group.reduce(into: [String]()) { if let file = $1 { $0.append(file) } }
        }
        let file = try #require(files.first)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.contains("\"method\" : \"SafeSet\""))
        #expect(text.contains("\"method\" : \"Consistency\""))
        await client.close()
        await server.stop()
    }
}
