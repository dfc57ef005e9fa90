import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import Testing

@testable import ImmudbAuditor

@Suite("An auditor whose trusted root is not where it left it")
struct OwnRootTests {
    private let fixture = AuditorFixture()

    private func server() throws -> ServerIdentity {
        try #require(ServerIdentity(LyingServer.identityText))
    }

    private var rootFile: String { fixture.path(".root-\(LyingServer.identityText)") }

    private func remove(_ path: String) throws {
        try FileManager.default.removeItem(atPath: path)
    }

    /// Puts another root into the file.
    private func replaceRoot(by root: TrustedRoot) async throws {
        try remove(rootFile)
        try await FileTrustedRootStore(directory: fixture.path("")).establish(root, of: server())
    }

    /// Starts a server that was audited when it had 9 entries, and has 12 now.
    private func grownServer() async throws -> LyingServer {
        let server = try await LyingServer.startWithPages(TestLedger(count: 9))
        #expect(try await fixture.round(of: server.port).verdict == .consistent)
        server.change { $0.ledger = TestLedger(count: 12) }
        return server
    }

    @Test("takes a lost one from its log, says so, and holds the server to it")
    func lost() async throws {
        let server = try await grownServer()
        try remove(rootFile)
        let report = try await fixture.round(of: server.port)
        #expect(report.verdict == .consistent)
        #expect(report.previous == TestLedger(count: 9).root)
        #expect(report.warnings.count == 1)
        #expect(report.warnings.first?.contains("the file of the trusted root is gone") == true)
        #expect(try await fixture.round(of: server.port).warnings.isEmpty)
        for ledger in [TestLedger(count: 5), TestLedger(count: 20, salt: "!")] {
            try remove(rootFile)
            server.change { $0.ledger = ledger }
            let verdict = try await fixture.round(of: server.port).verdict
            #expect(verdict == (ledger.entries.count < 12 ? .rolledBack : .forked))
        }
        await server.stop()
    }

    @Test("knows by its log which server was trusted at the address, if all else is lost")
    func lostServer() async throws {
        let server = try await grownServer()
        let port = server.port
        try remove(rootFile)
        try remove(fixture.path("known-servers"))
        let report = try await fixture.round(of: port)
        #expect(report.verdict == .consistent)
        #expect(report.previous == TestLedger(count: 9).root)
        #expect(report.warnings.count == 2)
        await server.stop()
        try remove(rootFile)
        try remove(fixture.path("known-servers"))
        let other = try await LyingServer.startWithPages(
            TestLedger(count: 12), identity: "another", port: port)
        #expect(try await fixture.round(of: port).verdict == .replaced)
        await other.stop()
    }

    @Test("is not taken in by an older one")
    func older() async throws {
        let server = try await grownServer()
        #expect(try await fixture.round(of: server.port).verdict == .consistent)
        try await replaceRoot(by: TestLedger(count: 9).root)
        server.change { $0.ledger = TestLedger(count: 10) }
        let report = try await fixture.round(of: server.port)
        #expect(report.verdict == .rolledBack)
        #expect(report.warnings.first?.contains("has only the") == true)
        await server.stop()
    }

    @Test("is not led to another history by a root that the server shows, and never proves")
    func unprovenRoot() async throws {
        let server = try await grownServer()
        let other = TestLedger(count: 15, salt: "!")
        server.change {
            $0.alterRoot = {
                $0.index = 14
                $0.root = Data(other.root.root.bytes)
            }
        }
        for _ in 0..<2 {
            let report = try await fixture.round(of: server.port)
            #expect(report.verdict.isAlarm)
            #expect(report.findings.first?.evidenceFile != nil)
        }
        // Nor does it go on with that history.
        server.change { state in
            state.alterRoot = nil
            state.ledger = other
        }
        #expect(try await fixture.round(of: server.port).verdict == .forked)
        #expect(
            try fixture.rootLog().allSatisfy { line in
                !line.contains(other.root.root.hex) || !line.contains("\"consistent\"")
            })
        await server.stop()
    }

    @Test("is not taken in by a newer one of another history")
    func newer() async throws {
        let server = try await grownServer()
        let other = TestLedger(count: 14, salt: "!")
        try await replaceRoot(by: other.root)
        server.change { $0.ledger = other }
        for _ in 0..<2 {
            let report = try await fixture.round(of: server.port)
            #expect(report.verdict == .forked)
            #expect(report.findings.first?.message.contains("the auditor's log") == true)
            #expect(report.findings.first?.evidenceFile != nil)
        }
        await server.stop()
    }

    @Test("goes on with a newer one of the same history, such as after rounds with a changed entry")
    func ahead() async throws {
        let server = try await grownServer()
        server.change { $0.alterByIndex = { if $0.index == 3 { $0.value.append(0x21) } } }
        #expect(try await fixture.round(of: server.port).verdict == .tampered)
        server.change { state in
            state.alterByIndex = nil
            state.ledger = TestLedger(count: 15)
        }
        let report = try await fixture.round(of: server.port)
        #expect(report.verdict == .consistent)
        #expect(report.previous == TestLedger(count: 12).root)
        #expect(report.warnings == ["entry 3, which did not verify, does so now"])
        await server.stop()
    }

    @Test("does not go on with one that contradicts its log")
    func changed() async throws {
        let server = try await grownServer()
        let running = try await fixture.auditor(of: server.port)
        try await replaceRoot(by: TestLedger(count: 9, salt: "!").root)
        let report = try #require(await running.round())
        #expect(report.verdict == .failed)
        #expect(
            report.findings.first?.message.contains("is not the one in the auditor's log") == true)
        await running.close()
        for _ in 0..<2 {
            let error = await #expect(throws: AuditorError.self) {
                _ = try await fixture.auditor(of: server.port)
            }
            #expect(error?.code == .rootChanged)
        }
        try remove(rootFile)
        #expect(try await fixture.round(of: server.port).verdict == .consistent)
        await server.stop()
    }
}
