import Foundation
import ImmudbClient
import LyingServer
import PrometheusMetrics
import RPCTransport
import Testing

@testable import ImmudbAuditor

@Suite("An auditor whose server does not show what it has to show")
struct WithheldTests {
    private let fixture = AuditorFixture()

    private func start(_ count: Int = 40) async throws -> LyingServer {
        let server = try await LyingServer.startWithPages(TestLedger(count: count))
        #expect(try await round(of: server).verdict == .consistent)
        return server
    }

    private func round(
        of server: LyingServer, _ change: (inout AuditorOptions) -> Void = { _ in }
    ) async throws -> RoundReport {
        try await fixture.round(of: server.port) {
            $0.sampleCount = 0
            change(&$0)
        }
    }

    private func refuse(
        _ server: LyingServer, _ error: RPCError,
        _ isRefused: @escaping @Sendable (Range<UInt64>) -> Bool = { $0.contains(7) }
    ) {
        server.change { $0.refusal = { isRefused($0) ? error : nil } }
    }

    @Test(
        "is given three rounds, then names the entry, keeps evidence once, and counts from the beginning when it is shown",
        arguments: [
            StatusCode.internalError, .invalidArgument, .failedPrecondition, .permissionDenied,
            .unknown, .aborted, .outOfRange, .unimplemented, .alreadyExists,
        ])
    func refusedEntry(_ status: StatusCode) async throws {
        let server = try await start()
        refuse(server, RPCError(status, "not now"))
        for number in 1...5 {
            let report = try await round(of: server)
            #expect(report.verdict == (number < 3 ? .failed : .withheld))
            #expect(report.findings.map(\.index) == [EntryIndex(7)])
            let finding = try #require(report.findings.first)
            #expect(finding.message.contains("refuses to show entry 7"))
            #expect(finding.message.contains("not now"))
            #expect(
                finding.message.contains("may have been taken") == (status == .permissionDenied))
            #expect((finding.evidenceFile != nil) == (number == 3))
            if let file = finding.evidenceFile {
                let text = try String(contentsOfFile: file, encoding: .utf8)
                #expect(text.contains(#""check" : "refused""#))
                #expect(text.contains(#""index" : 7"#))
                #expect(text.contains("not now"))
            }
            #expect(report.entryCount == 39)
        }
        #expect(try fixture.rootLog().last?.contains(#""verdict":"withheld""#) == true)
        server.change { $0.refusal = nil }
        let mended = try await round(of: server)
        #expect(mended.verdict == .consistent)
        #expect(mended.warnings == ["entry 7, which did not verify, does so now"])
        refuse(server, RPCError(status, "again"))
        #expect(try await round(of: server).verdict == .failed)
        await server.stop()
    }

    @Test(
        "is never accused for what is the operator's business, or a load's",
        arguments: [
            StatusCode.unauthenticated, .resourceExhausted, .unavailable, .deadlineExceeded,
            .cancelled,
        ])
    func noRefusal(_ status: StatusCode) async throws {
        let server = try await start()
        refuse(server, RPCError(status, "not now"))
        for _ in 0..<4 {
            #expect([.failed, .unreachable].contains(try await round(of: server).verdict))
        }
        await server.stop()
    }

    @Test("looks at a refused entry again in each round, whatever is due")
    func notDue() async throws {
        let server = try await start()
        refuse(server, RPCError(.internalError, "not now"))
        #expect(try await round(of: server).verdict == .failed)
        for expected in [Verdict.failed, .withheld, .withheld] {
            let report = try await round(of: server) { $0.period = .seconds(86_400) }
            #expect(report.verdict == expected)
            #expect(report.findings.map(\.index) == [EntryIndex(7)])
        }
        await server.stop()
    }

    @Test("is not let off by a round in which it is away, or one in which it is busy")
    func interrupted() async throws {
        let server = try await start()
        for status in [
            StatusCode.internalError, .unavailable, .invalidArgument, .resourceExhausted,
        ] {
            refuse(server, RPCError(status, "not now"))
            #expect(try await !round(of: server).verdict.isAlarm)
        }
        refuse(server, RPCError(.internalError, "not now"))
        #expect(try await round(of: server).verdict == .withheld)
        await server.stop()
    }

    @Test("that refuses all entries is not said to hide one, and asked for two of them")
    func everyEntry() async throws {
        let server = try await start()
        refuse(server, RPCError(.permissionDenied, "permission denied")) { _ in true }
        for expected in [Verdict.failed, .failed, .withheld] {
            let report = try await round(of: server)
            #expect(report.verdict == expected)
            #expect(report.findings.count == 1)
            #expect(report.findings.first?.index == nil)
            #expect(report.findings.first?.message.contains("and the one beside it") == true)
            #expect((report.findings.first?.evidenceFile != nil) == (expected == .withheld))
        }
        await server.stop()
    }

    @Test("that shows each entry alone, and not all together, is asked for them one by one")
    func page() async throws {
        let server = try await start()
        refuse(server, RPCError(.internalError, "not now")) { $0.count > 8 }
        for expected in [Verdict.failed, .failed, .withheld] {
            let report = try await round(of: server)
            #expect(report.verdict == expected)
            #expect(report.entryCount == 32)
            let finding = try #require(report.findings.first)
            #expect(finding.index == nil)
            #expect(finding.message.contains("from 0 to 31 together"))
            #expect((finding.evidenceFile != nil) == (expected == .withheld))
        }
        await server.stop()
    }

    @Test("that refuses its root is an alarm, too")
    func tree() async throws {
        let server = try await start()
        refuse(server, RPCError(.internalError, "not now")) { $0 == 0..<1 }
        server.change { $0.refusesRoots = true }
        for expected in [Verdict.failed, .failed, .withheld, .withheld] {
            let report = try await round(of: server)
            #expect(report.verdict == expected)
            #expect(report.findings.first?.message.contains("refuses to show its tree") == true)
        }
        await server.stop()
    }

    @Test("that answers with more than the auditor takes is one that refuses")
    func largeAnswer() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 10))
        server.change { $0.ledger.append([1], [UInt8](repeating: 1, count: 100_000)) }
        for expected in [Verdict.failed, .failed, .withheld] {
            let report = try await round(of: server) {
                $0.connection.maxReceiveMessageByteCount = 50_000
            }
            #expect(report.verdict == expected)
            #expect(report.findings.map(\.index) == [EntryIndex(10)])
            #expect(report.findings.first?.message.contains("larger than max") == true)
        }
        #expect(try await round(of: server).verdict == .consistent)
        await server.stop()
    }

    @Test("is told to metrics and by notification when it is an alarm")
    func told() async throws {
        let listener = try await HTTPListener.start()
        let server = try await start()
        refuse(server, RPCError(.internalError, "not now"))
        let auditor = try await fixture.auditor(of: server.port) {
            $0.notification = NotificationOptions(url: listener.url)
        }
        for number in 1...3 {
            await auditor.round()
            #expect(
                auditor.registry.text().contains("immuclient_audit_refused_rounds \(number)\n"))
            #expect(listener.requests.count == (number < 3 ? 0 : 1))
        }
        #expect(listener.requests.first?.body.contains(#""tampered":true"#) == true)
        let labels =
            #"server_id="\#(LyingServer.identityText)",server_address="127.0.0.1:\#(server.port)""#
        let text = auditor.registry.text()
        #expect(text.contains("immuclient_audit_result_per_server{\(labels)} 0\n"))
        #expect(text.contains(#"immuclient_audit_verdict{\#(labels),verdict="withheld"} 1"#))
        await auditor.close()
        await server.stop()
        await listener.stop()
    }

    @Test("has no count in the state of an older auditor, which is read all the same")
    func olderState() async throws {
        let server = try await start()
        let path = fixture.path(AuditorFiles.stateName)
        #expect(try !String(contentsOfFile: path, encoding: .utf8).contains("refused"))
        var state = try #require(try AuditState.read(path))
        #expect(state.refusedRoundCount == nil)
        // A number in a file may be any.
        state.refusedRoundCount = .max
        try state.write(path)
        refuse(server, RPCError(.internalError, "not now"))
        #expect(try await round(of: server).verdict == .withheld)
        await server.stop()
    }
}
