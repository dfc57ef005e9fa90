import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import RPCTransport
import Testing

@Suite("Calls of several users whose trees are linked together")
struct SharedLinkingTests {
    private let ledger = TestLedger(count: 13)

    @Test("go on with the token and the timeout of one who still waits")
    func laterCaller() async throws {
        let server = try await LyingServer.start(ledger)
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port), trustedRoots: InMemoryTrustedRootStore(),
            firstContact: .trust(ledger.root(of: TreeSize(7))))
        server.change { $0.ignoresConsistency = true }
        let entry = ledger.entries[9]
        let first = client.forwarding(
            ["authorization": "Bearer first"], timeout: .milliseconds(1_500))
        let second = client.forwarding(["authorization": "Bearer second"], timeout: .seconds(30))
        async let firstResult: Void = {
            await #expect(throws: ClientError(.deadlineExceeded, "")) {
                try await first.verify(entry)
            }
        }()
        while server.ignoredConsistencyCount == 0 { try await Task.sleep(for: .milliseconds(2)) }
        async let secondResult = second.verify(entry)
        try await Task.sleep(for: .milliseconds(500))
        server.change { state in
            state.ignoresConsistency = false
            state.consistencyTokens = []
        }
        #expect(try await secondResult.root == ledger.root)
        await firstResult
        let tokens = server.consistencyTokens
        #expect(!tokens.isEmpty)
        #expect(tokens.allSatisfy { $0 == "Bearer second" }, "\(tokens)")
        await client.close()
        await server.stop()
    }

    @Test("report the index that the server has acknowledged if a later proof fails")
    func acknowledgedIndex() async throws {
        let server = try await LyingServer.start(ledger)
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: OvertakenStore(to: ledger.root(of: TreeSize(10))),
            firstContact: .trust(ledger.root(of: TreeSize(7))))
        server.change { state in
            state.alterConsistency = { if !$0.path.isEmpty { $0.path[0][0] ^= 1 } }
        }
        let error = await #expect(throws: VerificationError.self) {
            try await client.verifiedSet("key", "value")
        }
        #expect(error?.index == EntryIndex(13))
        #expect(error?.isRefusal == false)
        await client.close()
        await server.stop()
    }
}
