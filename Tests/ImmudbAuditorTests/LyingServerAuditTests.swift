import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import Testing

@testable import ImmudbAuditor

@Suite("An auditor against a server that lies")
struct LyingServerAuditTests {
    private let fixture = AuditorFixture()

    /// What is to be said of a lie to an auditor that trusts 13 entries of 20.
    private func expected(_ lie: Lie) -> Verdict {
        switch lie {
        case .shrunk, .shrunkSilently, .shorterFork, .tinyTree: .rolledBack
        case _ where lie.isAboutTree: .forked
        default: .tampered
        }
    }

    @Test(
        "says the right word of every lie, with evidence, and keeps its root",
        arguments: Lie.allCases)
    func everyLie(_ lie: Lie) async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 13))
        let first = try await fixture.round(of: server.port)
        #expect(first.verdict == .consistent)
        #expect(first.entryCount >= 13)
        let trusted = server.ledger.root
        server.change { state in
            for number in 13..<20 { state.ledger.append(Array("key\(number)".utf8), [1]) }
            lie.tell(&state)
        }
        let report = try await fixture.round(of: server.port)
        #expect(report.verdict == expected(lie), "\(report.findings)")
        #expect(report.previous == trusted)
        let finding = try #require(report.findings.first { $0.verdict == report.verdict })
        if report.verdict == .tampered {
            #expect(report.findings.allSatisfy { $0.index.map { $0.rawValue < 20 } ?? false })
        } else {
            #expect(finding.index == nil)
            let roots = FileTrustedRootStore(directory: fixture.path(""))
            let identity = try #require(ServerIdentity(LyingServer.identityText))
            #expect(try await roots.trustedRoot(of: identity) == trusted)
        }
        let file = try #require(finding.evidenceFile)
        #expect(FileManager.default.fileExists(atPath: file))
        let line = try #require(try fixture.rootLog().last)
        #expect(line.contains(#""verdict":"\#(report.verdict.rawValue)""#))
        await server.stop()
    }

    @Test("finds one changed entry among all by reading them together, and names it")
    func oneEntry() async throws {
        let ledger = TestLedger(count: 300)
        let server = try await LyingServer.startWithPages(ledger)
        server.change { $0.alterByIndex = { if $0.index == 134 { $0.value.append(0x21) } } }
        let report = try await fixture.round(of: server.port) { $0.sampleCount = 0 }
        #expect(report.verdict == .tampered)
        #expect(report.findings.map(\.index) == [EntryIndex(134)])
        #expect(report.findings.first?.message.contains("entry 134") == true)
        #expect(report.entryCount == 299)
        await server.stop()
    }

    @Test("looks at an entry that did not verify again in each round, until it does")
    func suspects() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 40))
        func round() async throws -> RoundReport {
            try await fixture.round(of: server.port) {
                $0.sampleCount = 0
                $0.period = .seconds(86_400)
            }
        }
        let all = try await fixture.round(of: server.port)
        #expect(all.verdict == .consistent)
        server.change { $0.alterByIndex = { if $0.index == 7 { $0.value.append(0x21) } } }
        #expect(try await fixture.round(of: server.port).findings.map(\.index) == [EntryIndex(7)])
        // Nothing is due, and nothing is drawn; the suspect is read all the same.
        for _ in 0..<2 {
            let report = try await round()
            #expect(report.verdict == .tampered)
            #expect(report.findings.map(\.index) == [EntryIndex(7)])
        }
        server.change { $0.alterByIndex = nil }
        let mended = try await round()
        #expect(mended.verdict == .consistent)
        #expect(mended.warnings == ["entry 7, which did not verify, does so now"])
        #expect(try await round().warnings.isEmpty)
        await server.stop()
    }

    @Test("names a hundred entries, not a billion, if all of them are lies")
    func everythingIsALie() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 500))
        server.change { $0.alterByIndex = { $0.value.append(0x21) } }
        for _ in 0..<2 {
            let report = try await fixture.round(of: server.port) { $0.sampleCount = 0 }
            #expect(report.verdict == .tampered)
            #expect(report.findings.count == EntryReader.findingLimit)
        }
        await server.stop()
    }

    @Test("takes a server that denies the entries of the trusted tree for tampered")
    func denial() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 30))
        #expect(try await fixture.round(of: server.port).verdict == .consistent)
        server.change { $0.deniesEntries = true }
        let report = try await fixture.round(of: server.port)
        #expect(report.verdict == .tampered)
        #expect(report.findings.allSatisfy { $0.index != nil })
        await server.stop()
    }
}
