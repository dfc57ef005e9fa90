import ImmudbClient
import LyingServer
import MerkleTree
import Testing

@Suite("Verified writes that overlap")
struct OverlappingWritesTests {
    private let ledger = TestLedger(count: 13)

    private func connect(
        _ server: LyingServer, _ roots: any TrustedRootStore = SlowStore()
    ) async throws -> ImmudbClient {
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port), trustedRoots: roots,
            firstContact: .trustOnFirstUse)
        _ = try await client.trustedRoot()
        return client
    }

    private func write(_ count: Int, _ client: ImmudbClient) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask { try await client.verifiedSet("new \(number)", "value") }
            }
            try await group.waitForAll()
        }
    }

    @Test("need no proof of the server if no other client writes: their trees are computed")
    func computed() async throws {
        let server = try await LyingServer.start(ledger)
        let client = try await connect(server)
        for round in 1...3 {
            server.change { $0.writesToGather = 20 }
            try await write(20, client)
            #expect(try await client.trustedRoot() == server.ledger.root)
            #expect(server.ledger.size == TreeSize(UInt64(13 + 20 * round)))
        }
        #expect(server.consistencyTokens.isEmpty)
        await client.close()
        await server.stop()
    }

    @Test("are linked by proofs of the server if another client writes between them")
    func others() async throws {
        let server = try await LyingServer.start(ledger)
        let client = try await connect(server)
        server.change { $0.writesToGather = 6 }
        async let writes: Void = write(6, client)
        try await Task.sleep(for: .milliseconds(20))
        server.change { $0.ledger.append(Array("other".utf8), Array("value".utf8)) }
        try await writes
        // The tree has not grown since, so it is the one of the last answer or of the proofs.
        #expect(try await client.verifyContinuation() == server.ledger.root)
        await client.close()
        await server.stop()
    }

    @Test("fail if a tree is of another history, and only those whose trees are")
    func fork() async throws {
        let server = try await LyingServer.start(ledger)
        let client = try await connect(server)
        server.change {
            $0.writesToGather = 8
            $0.forksNextWrite = true
        }
        let failures = await withTaskGroup(of: (any Error)?.self) { group in
            for number in 0..<8 {
                group.addTask {
                    do {
                        _ = try await client.verifiedSet("new \(number)", "value")
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: [any Error]()) { failures, failure in
                if let failure { failures.append(failure) }
            }
        }
        #expect(failures.allSatisfy { $0 is VerificationError }, "\(failures)")
        let now = try await client.trustedRoot()
        if now == server.ledger.root(of: now.size) {
            #expect(failures.count == 1)
        } else {
            // The one from the other history, which is answered last, was the first to move the root.
            #expect(failures.count == 7)
        }
        await client.close()
        await server.stop()
    }

    @Test("end at once if they are cancelled while another one moves the root, which goes on")
    func cancelled() async throws {
        let server = try await LyingServer.start(ledger)
        let client = try await connect(server)
        server.change { $0.writesToGather = 2 }
        let calls = (0..<2).map { number in
            Task { try await client.verifiedSet("new \(number)", "value") }
        }
        while server.ledger.size < TreeSize(15) { try await Task.sleep(for: .milliseconds(2)) }
        try await Task.sleep(for: .milliseconds(100))
        for call in calls { call.cancel() }
        for call in calls {
            let error = await #expect(throws: ClientError.self) { try await call.value }
            #expect(error?.code == .outcomeUnknown)
        }
        // Later calls are not held up.
        server.change { $0.writesToGather = 1 }
        try await client.verifiedSet("later", "value")
        #expect(try await client.trustedRoot() == server.ledger.root)
        await client.close()
        await server.stop()
    }

    @Test("report that the root cannot be stored, each of them")
    func failingStore() async throws {
        let server = try await LyingServer.start(ledger)
        let client = try await connect(
            server, SlowStore(failure: ClientError(.trustedRootUnusable, "the disk is full")))
        server.change { $0.writesToGather = 5 }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<5 {
                group.addTask {
                    let error = await #expect(throws: ClientError.self) {
                        try await client.verifiedSet("new \(number)", "value")
                    }
                    #expect(error?.code == .outcomeUnknown)
                    #expect(error?.cause as? ClientError == ClientError(.trustedRootUnusable, ""))
                }
            }
        }
        #expect(try await client.trustedRoot() == ledger.root)
        await client.close()
        await server.stop()
    }
}
