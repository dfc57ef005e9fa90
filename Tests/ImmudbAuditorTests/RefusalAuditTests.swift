import ImmudbClient
import LyingServer
import RPCTransport
import Testing

@testable import ImmudbAuditor

@Suite("An auditor whose server refuses entries")
struct RefusalAuditTests {
    private let fixture = AuditorFixture()

    @Test(
        "accuses no entry while the server refuses all of them for a damage, and says tampered until it does not"
    )
    func damagedServer() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 300))
        let auditor = try await fixture.auditor(of: server.port)
        #expect(await auditor.round()?.verdict == .consistent)
        let error = RPCError(.dataLoss, "entry 229 is damaged")
        server.change { $0.refusal = { _ in error } }
        for refusesRoots in [false, false, true, true] {
            server.change { $0.refusesRoots = refusesRoots }
            let report = try #require(await auditor.round())
            #expect(report.verdict == .tampered)
            #expect(report.findings.count == 1)
            #expect(report.findings.first?.index == nil)
            let message = report.findings.first?.message ?? ""
            #expect(message.contains("the server refuses its data: "))
            #expect(message.contains("entry 229 is damaged"))
        }
        server.change { $0.refusal = nil }
        let mended = await auditor.round()
        #expect(mended?.verdict == .consistent)
        #expect(mended?.warnings.isEmpty == true)
        await auditor.close()
        await server.stop()
    }

    @Test("names the one entry that the server refuses for a damage", arguments: [0, 134, 299])
    func damagedEntry(_ index: UInt64) async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 300))
        let error = RPCError(.dataLoss, "damaged")
        server.change { $0.refusal = { $0.contains(index) ? error : nil } }
        for _ in 0..<2 {
            let report = try await fixture.round(of: server.port)
            #expect(report.verdict == .tampered)
            #expect(report.findings.map(\.index) == [EntryIndex(index)])
        }
        await server.stop()
    }
}
