import Foundation
import ImmudbClient
import LyingServer
import TestTools
import Testing

@Suite("The text of a client error")
struct ErrorTextTests {
    private func withClient(_ body: (ImmudbClient) async throws -> Void) async throws {
        let server = try await LyingServer.start(TestLedger(count: 3))
        let client = try await ImmudbClient.connect(
            to: "127.0.0.1:\(server.port)", trustedRoots: InMemoryTrustedRootStore(),
            firstContact: .trustOnFirstUse)
        try await body(client)
        await client.close()
        await server.stop()
    }

    @Test("names the missing key or index")
    func notFound() async throws {
        try await withClient { client in
            let key = await #expect(throws: ClientError.self) {
                try await client.verifiedGet("no\nbody")
            }
            #expect(key?.hint == "there is no key 0x6e6f0a626f6479")
            let index = await #expect(throws: ClientError.self) {
                try await client.entry(at: EntryIndex(77))
            }
            #expect(index?.hint == "there is no entry at index 77")
            #expect(index?.message.contains("77") == false)
        }
    }

    @Test("is the same sentence in every form")
    func localized() async throws {
        let errors: [any LocalizedError & CustomStringConvertible] = [
            ClientError(.refused, "no", status: .invalidArgument),
            VerificationError(.treeShrank, "less", index: EntryIndex(2)),
            try #require(throws: ReceiptSyntaxError.self) { try Receipt(text: "none") },
            try #require(throws: ServerAddress.Fault.self) { try ServerAddress("a:b") },
        ]
        for error in errors {
            #expect(error.localizedDescription == error.description)
            #expect((error as any Error).localizedDescription == error.description)
        }
    }

    @Test("does not begin with a status if the outcome of a write is unknown")
    func outcomeUnknown() {
        let cause = ClientError(.unavailable, "closed", status: .unavailable)
        let error = ClientError(.outcomeUnknown, "look", status: .unavailable, cause: cause)
        #expect(error.description == "look")
        #expect(cause.description == "rpc error: code = Unavailable desc = closed")
    }
}
