import ImmudbClient
import LyingServer
import MerkleTree
import Testing

@Suite("A cancelled call whose tree waits for the proof that links it")
struct CancelledLinkingTests {
    private let ledger = TestLedger(count: 13)

    /// Cancels a call after the server was asked for the proof, which it never sends.
    ///
    /// - Returns: the error of the call.
    private func cancel(
        _ call: @escaping @Sendable (ImmudbClient) async throws -> Void
    ) async throws -> ClientError {
        let server = try await LyingServer.start(ledger)
        // The call's tree is larger than the trusted one, which others have moved forward
        // meanwhile.
        let roots = OvertakenStore(to: ledger.root(of: TreeSize(10)))
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port), trustedRoots: roots,
            firstContact: .trust(ledger.root(of: TreeSize(7))))
        server.change { $0.ignoresConsistency = true }
        let task = Task { try await call(client) }
        while server.ignoredConsistencyCount == 0 { try await Task.sleep(for: .milliseconds(2)) }
        task.cancel()
        let error = await #expect(throws: ClientError.self) { try await task.value }
        await client.close()
        await server.stop()
        return try #require(error)
    }

    @Test("ends at once if it reads")
    func read() async throws {
        let error = try await cancel { _ = try await $0.verifiedGet("key5") }
        #expect(error.code == .cancelled)
    }

    @Test("ends at once with an unknown outcome if it writes")
    func write() async throws {
        let error = try await cancel { try await $0.verifiedSet("key", "value") }
        #expect(error.code == .outcomeUnknown)
        #expect(error.cause as? ClientError == ClientError(.cancelled, ""))
    }
}
