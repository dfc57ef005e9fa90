import Crypto
import Foundation
import ImmudbClient
import LyingServer
import MerkleTree
import Testing

@testable import ImmudbAuditor

@Suite("An auditor over its rounds")
struct AuditorStateTests {
    private let fixture = AuditorFixture()

    @Test("follows a server that grows, also over starts, and logs each new root once")
    func growing() async throws {
        let server = try await LyingServer.startWithPages(TestLedger())
        var sizes: [UInt64] = []
        for count in [0, 1, 1, 2, 500, 500, 1_025] {
            server.change { state in
                while state.ledger.entries.count < count {
                    state.ledger.append(Array("\(state.ledger.entries.count)".utf8), [1])
                }
            }
            let report = try await fixture.round(of: server.port)
            #expect(report.verdict == .consistent)
            #expect(report.current?.root == server.ledger.root)
            #expect(report.entryCount >= UInt64(count))
            sizes.append(report.current?.root.size.rawValue ?? 0)
        }
        #expect(sizes == [0, 1, 1, 2, 500, 500, 1_025])
        let lines = try fixture.rootLog()
        #expect(lines.count == 5)
        #expect(lines.last?.contains(#""size":1025"#) == true)
        await server.stop()
    }

    @Test(
        "tells a server that was rolled back from one that is empty or away, and one that came back"
    )
    func states() async throws {
        let ledger = TestLedger(count: 20)
        let server = try await LyingServer.startWithPages(ledger)
        let port = server.port
        func verdict() async throws -> Verdict { try await fixture.round(of: port).verdict }
        #expect(try await verdict() == .consistent)
        server.change { $0.ledger = TestLedger(count: 12) }
        #expect(try await verdict() == .rolledBack)
        server.change { $0.ledger = TestLedger() }
        #expect(try await verdict() == .rolledBack)
        server.change { $0.ledger = ledger }
        #expect(try await verdict() == .consistent)
        await server.stop()
        #expect(try await verdict() == .unreachable)
        let again = try await LyingServer.startWithPages(ledger, port: port)
        #expect(try await verdict() == .consistent)
        await again.stop()
        // Another server in its place, with the same entries.
        let other = try await LyingServer.startWithPages(ledger, identity: "another", port: port)
        let replaced = try await fixture.round(of: port)
        #expect(replaced.verdict == .replaced)
        #expect(replaced.server == ServerIdentity(LyingServer.identityText))
        #expect(replaced.previous == ledger.root)
        #expect(replaced.current == nil)
        #expect(try await verdict() == .replaced)
        // Until the operator names it.
        let named = try await fixture.round(of: port) { $0.server = ServerIdentity("another") }
        #expect(named.verdict == .consistent)
        #expect(try await verdict() == .consistent)
        await other.stop()
        let words = try fixture.rootLog().compactMap { line in
            RootLogLine.parse(Array(line.utf8))?.line.verdict
        }
        #expect(
            words == [
                .consistent, .rolledBack, .rolledBack, .consistent, .unreachable, .consistent,
                .replaced, .consistent,
            ])
    }

    @Test("asks for the pinned signature, and says unsigned")
    func signatures() async throws {
        let key = P256.Signing.PrivateKey()
        let pinned = try RootPublicKey(pem: key.publicKey.pemRepresentation)
        let server = try await LyingServer.startWithPages(TestLedger(count: 5))
        func round() async throws -> RoundReport {
            try await fixture.round(of: server.port) { $0.connection.signingKey = pinned }
        }
        #expect(try await round().verdict == .unsigned)
        server.change { $0.sign(with: key) }
        let signed = try await round()
        #expect(signed.verdict == .consistent)
        #expect(signed.current?.signature?.publicKey == pinned.bytes)
        #expect(try fixture.rootLog().last?.contains(#""serverSignature":{"publicKey""#) == true)
        server.change { $0.sign(with: P256.Signing.PrivateKey()) }
        let forged = try await round()
        #expect(forged.verdict == .unsigned)
        #expect(forged.findings.first?.evidenceFile != nil)
        await server.stop()
    }

    @Test("may be told to trust nobody at first contact")
    func refusedContact() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 5))
        let refused = try await fixture.round(of: server.port) { $0.trustsOnFirstUse = false }
        #expect(refused.verdict == .failed)
        await server.stop()
    }

    @Test("is alone in its folder")
    func alone() async throws {
        let first = try await fixture.auditor(of: 1)
        let error = await #expect(throws: AuditorError.self) {
            _ = try await fixture.auditor(of: 1)
        }
        #expect(error?.description.contains("another auditor uses the folder") == true)
        await first.close()
    }

    @Test("does not go on with a log whose end nobody knows")
    func lostState() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 3))
        #expect(try await fixture.round(of: server.port).verdict == .consistent)
        let path = fixture.path(AuditorFiles.stateName)
        let state = try Data(contentsOf: URL(filePath: path))
        try FileManager.default.removeItem(atPath: path)
        for _ in 0..<2 {
            let error = await #expect(throws: AuditorError.self) {
                _ = try await fixture.auditor(of: server.port)
            }
            #expect(error?.code == .logChanged)
        }
        try state.write(to: URL(filePath: path))
        #expect(try await fixture.round(of: server.port).verdict == .consistent)
        await server.stop()
    }

    @Test("counts on, whatever number its state has")
    func largestRound() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 3))
        #expect(try await fixture.round(of: server.port).verdict == .consistent)
        let path = fixture.path(AuditorFiles.stateName)
        var state = try #require(try AuditState.read(path))
        state.roundCount = .max
        try state.write(path)
        #expect(try await fixture.round(of: server.port).number == 0)
        await server.stop()
    }

    @Test("reads one subtree of a server for which it has no time in each round")
    func slow() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 4_000))
        let connection = try await fixture.auditor(of: server.port)
        await connection.close()
        let web = WebCalls()
        var state = AuditState(now: .distantPast)
        for number: UInt64 in 1...2 {
            var round = AuditRound(
                connection.options, PeerSources(http: web), state, startedAt: Date(),
                readingEnd: .now - .seconds(1))
            await round.run()
            #expect(round.report.entryCount == 1_024)
            state = round.state
            #expect(state.plan.position == number * 1_024)
        }
        await web.close()
        await server.stop()
    }

    @Test("reads its share of the period in each round, and all within it")
    func shares() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 4_000))
        var report = try await fixture.round(of: server.port) {
            $0.sampleCount = 5
            $0.period = .seconds(1_000_000)
        }
        // The pass begins with the first round: nothing is due yet.
        #expect(report.entryCount == 5)
        report = try await fixture.round(of: server.port) {
            $0.sampleCount = 0
            $0.period = .seconds(1_000_000)
        }
        // Whole subtrees are read.
        #expect(report.entryCount <= 1_024)
        report = try await fixture.round(of: server.port) {
            $0.sampleCount = 0
            $0.period = .milliseconds(1)
        }
        #expect(report.entryCount >= 4_000 - 1_024)
        await server.stop()
    }

    @Test("ends a round that is cancelled without a verdict")
    func cancelled() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 5))
        #expect(try await fixture.round(of: server.port).verdict == .consistent)
        let lineCount = try fixture.rootLog().count
        server.change { $0.ignoresConsistency = true }
        let auditor = try await fixture.auditor(of: server.port)
        let task = Task { await auditor.round() }
        while server.ignoredConsistencyCount == 0 { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        #expect(await task.value == nil)
        await auditor.close()
        #expect(try fixture.rootLog().count == lineCount)
        await server.stop()
    }
}
