import ImmudbClient
import LyingServer
import RPCTransport
import Testing

@testable import ImmudbAuditor

@Suite("The login of an auditor")
struct AuditLoginTests {
    private let fixture = AuditorFixture()

    /// Makes a round as a user whom the server does not know.
    private func strangersRound(of server: LyingServer) async throws -> RoundReport {
        try await fixture.round(of: server.port) {
            $0.username = "nobody"
            $0.password = "wrong"
        }
    }

    @Test("is made")
    func login() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 5))
        let report = try await fixture.round(of: server.port) {
            $0.username = "immu"
            $0.password = "Secret!1"
        }
        #expect(report.verdict == .consistent)
        #expect(report.warnings.count == 1)
        #expect(server.consistencyTokens.last == "Bearer Secret!1")
        await server.stop()
    }

    @Test("ends no round when it is refused: what is shown without it is checked")
    func refused() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 5))
        let report = try await strangersRound(of: server)
        #expect(report.verdict == .consistent)
        #expect(report.entryCount == 10)
        #expect(
            report.warnings.contains {
                $0.contains("the login of the user nobody was refused")
                    && $0.contains("was checked")
            })
        server.change { $0.ledger = TestLedger(count: 3) }
        #expect(try await strangersRound(of: server).verdict == .rolledBack)
        await server.stop()
    }

    @Test("is named as the reason if nothing is shown without it")
    func required() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 5))
        server.change { state in
            state.refusesRoots = true
            state.refusal = { _ in RPCError(.unauthenticated, "please login") }
        }
        for _ in 0..<4 {
            let report = try await strangersRound(of: server)
            #expect(report.verdict == .failed)
            #expect(report.findings.count == 2)
            #expect(report.findings.first?.message.contains("the login of the user nobody") == true)
        }
        await server.stop()
    }
}
