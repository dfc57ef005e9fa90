import ImmudbClient
import LyingServer
import PrometheusMetrics
import Testing

@testable import ImmudbAuditor

@Suite("What an auditor shows over HTTP")
struct AuditMetricsTests {
    private let fixture = AuditorFixture()

    @Test("has its metrics by the original's names, and its roots for others")
    func metrics() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 8))
        var auditor = try await fixture.auditor(of: server.port)
        await auditor.round()
        let labels =
            #"{server_id="\#(LyingServer.identityText)",server_address="127.0.0.1:\#(server.port)"}"#
        var text = auditor.registry.text()
        #expect(text.contains("immuclient_audit_result_per_server\(labels) -1\n"))
        #expect(text.contains("immuclient_audit_curr_root_per_server\(labels) 7\n"))
        await auditor.round()
        text = auditor.registry.text()
        #expect(text.contains("immuclient_audit_result_per_server\(labels) 1\n"))
        #expect(text.contains("immuclient_audit_prev_root_per_server\(labels) 7\n"))
        #expect(text.contains("immuclient_audit_run_at_per_server\(labels) "))
        #expect(text.contains("immuclient_audit_rounds_total 2\n"))
        let answer = String(decoding: auditor.rootsAnswer, as: UTF8.self)
        #expect(
            answer
                == #"{"auditor":"\#(auditor.publicKey)","roots":[{"root":"\#(server.ledger.root.root.hex)","#
                + #""server":"\#(LyingServer.identityText)","size":8}]}"# + "\n")
        server.change { $0.ledger = TestLedger(count: 4) }
        await auditor.round()
        #expect(
            auditor.registry.text().contains("immuclient_audit_result_per_server\(labels) 0\n"))
        // What others are told is what was trusted, also after a new start.
        #expect(String(decoding: auditor.rootsAnswer, as: UTF8.self) == answer)
        await auditor.close()
        auditor = try await fixture.auditor(of: server.port)
        #expect(String(decoding: auditor.rootsAnswer, as: UTF8.self) == answer)
        await auditor.round()
        #expect(String(decoding: auditor.rootsAnswer, as: UTF8.self) == answer)
        await server.stop()
        await auditor.round()
        #expect(
            auditor.registry.text().contains("immuclient_audit_result_per_server\(labels) -2\n"))
        await auditor.close()
    }

    @Test("has no series without the identity of its server, once that is known")
    func lateServer() async throws {
        let first = try await LyingServer.startWithPages(TestLedger())
        let port = first.port
        await first.stop()
        let auditor = try await fixture.auditor(of: port)
        await auditor.round()
        var text = auditor.registry.text()
        let address = #"server_address="127.0.0.1:\#(port)""#
        #expect(
            text.contains(
                #"immuclient_audit_result_per_server{server_id="",\#(address)} -2"#))
        let server = try await LyingServer.startWithPages(TestLedger(count: 3), port: port)
        for _ in 0..<2 {
            #expect(await auditor.round()?.verdict == .consistent)
            text = auditor.registry.text()
            #expect(!text.contains(#"server_id="""#))
            #expect(
                text.contains(
                    #"immuclient_audit_verdict{server_id="\#(LyingServer.identityText)",\#(address),verdict="consistent"} 1"#
                ))
        }
        await auditor.close()
        await server.stop()
    }
}
