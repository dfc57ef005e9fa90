import Foundation
import ImmudbProtocol
import LyingServer
import Testing

@testable import ImmudbClient

@Suite("Limits of answers")
struct AnswerLimitsTests {
    private func connect(_ server: LyingServer) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
    }

    @Test(
        "refuse a list with more entries than an honest answer of its size, before it is decoded")
    func manyEntries() async throws {
        let server = try await LyingServer.start(TestLedger(count: 1))
        let client = try await connect(server)
        server.change { $0.page = Array(repeating: Immudb_Schema_Item(), count: 3_000_000) }
        let error = await #expect(throws: ClientError.self) { _ = try await client.scan() }
        #expect(error?.message.contains("its lists have more than") == true, "\(error as Any)")
        await client.close()
        await server.stop()
    }

    @Test("refuse a proof with a longer path than any tree has, before it is decoded")
    func longPath() async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        let client = try await connect(server)
        server.change { state in
            state.alterRead = { item in
                item.proof.inclusionPath = Array(repeating: .init(), count: 193)
            }
        }
        let error = await #expect(throws: ClientError.self) {
            _ = try await client.verifiedGet("key0")
        }
        #expect(
            error?.message.contains("its lists have more than 192 elements") == true,
            "\(error as Any)")
        await client.close()
        await server.stop()
    }

    @Test("exist for every method whose answer has lists")
    func everyMethod() {
        let limits = AnswerLimits(maxAnswerByteCount: 40 << 20)
        let unlimited = ImmuService.methods.filter { limits[$0.path] == nil }.map(\.name)
        #expect(
            unlimited == [
                "CreateUser", "ChangePassword", "DeleteUser", "Login", "Set", "SetSV", "Get",
                "GetSV", "SetBatch", "SetBatchSV", "Count", "CurrentRoot", "ByIndex", "ByIndexSV",
                "Health", "Reference", "ZAdd",
            ])
    }
}
