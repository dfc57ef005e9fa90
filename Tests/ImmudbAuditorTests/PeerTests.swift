import Crypto
import Foundation
import ImmudbClient
import LyingServer
import MerkleTree
import NIOHTTP1
import PrometheusMetrics
import TestTools
import Testing

@testable import ImmudbAuditor

@Suite("Auditors that compare roots")
struct PeerTests {
    private let fixture = AuditorFixture()

    /// The trees that split after five entries.
    private func fork(_ salt: String, count: Int) -> TestLedger {
        var ledger = TestLedger(count: 5)
        for number in 5..<count { ledger.append(Array("\(number)".utf8), Array(salt.utf8)) }
        return ledger
    }

    @Test("find a fork that each of them alone cannot see", arguments: [true, false])
    func fork(isSigned: Bool) async throws {
        // One server that shows each auditor a history of its own.
        let (left, right) = (
            try await LyingServer.startWithPages(TestLedger(count: 5)),
            try await LyingServer.startWithPages(TestLedger(count: 5))
        )
        let key = P256.Signing.PrivateKey()
        if isSigned { for server in [left, right] { server.change { $0.sign(with: key) } } }
        let pinned = try RootPublicKey(pem: key.publicKey.pemRepresentation)
        let listener = try await HTTPListener.start()
        let first = try await fixture.auditor(of: left.port, in: "first") {
            if isSigned { $0.connection.signingKey = pinned }
        }
        listener.answer(.ok) { first.rootsAnswer }
        let second = try await fixture.auditor(of: right.port, in: "second") {
            $0.peers = [listener.url]
            if isSigned { $0.connection.signingKey = pinned }
        }
        for auditor in [first, second] {
            #expect(await auditor.round()?.verdict == .consistent)
        }
        #expect(listener.requests.first?.head == "GET /roots")
        // One is ahead of the other, of one history.
        right.change { $0.ledger = fork("b", count: 9) }
        #expect(await second.round()?.verdict == .consistent)
        left.change { $0.ledger = fork("a", count: 7) }
        #expect(await first.round()?.verdict == .consistent)
        let report = try #require(await second.round())
        #expect(report.verdict == .forked)
        let message = try #require(report.findings.first?.message)
        #expect(message.contains("the auditor \(listener.url) was shown the root"))
        #expect(message.contains("it shows two histories"))
        #expect(message.contains("although it has signed that root") == isSigned)
        #expect(report.findings.first?.evidenceFile != nil)
        for auditor in [first, second] { await auditor.close() }
        await listener.stop()
        for server in [left, right] { await server.stop() }
    }

    @Test("find that one of them was shown more entries than the server has now")
    func behind() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 9))
        let first = try await fixture.round(of: server.port, in: "first")
        #expect(first.verdict == .consistent)
        server.change { $0.ledger = TestLedger(count: 6) }
        let report = try await fixture.round(of: server.port, in: "second") {
            $0.peers = [fixture.path(AuditorFiles.logName, in: "first")]
        }
        #expect(report.verdict == .rolledBack)
        #expect(report.findings.first?.message.contains("it has only 6 entries here") == true)
        await server.stop()
    }

    @Test("take the log of another as a file, and a peer that is not there for no alarm")
    func files() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 9))
        _ = try await fixture.round(of: server.port, in: "first")
        server.change { $0.ledger = TestLedger(count: 12) }
        try Data("nothing".utf8).write(to: fixture.folder.file("strange"))
        let report = try await fixture.round(of: server.port, in: "second") {
            $0.peers = [
                fixture.path(AuditorFiles.logName, in: "first"), "http://127.0.0.1:1",
                fixture.folder.file("none").path, fixture.folder.file("strange").path,
            ]
        }
        #expect(report.verdict == .consistent)
        #expect(report.warnings.count { $0.contains("cannot be asked") } == 3)
        #expect(report.warnings.count { $0.contains("first contact with the server") } == 1)
        await server.stop()
    }

    @Test("say that a peer audits another server, or trusts no root yet, once in each round")
    func otherServer() async throws {
        let server = try await LyingServer.startWithPages(TestLedger(count: 9))
        let other = try await LyingServer.startWithPages(TestLedger(count: 9), identity: "another")
        _ = try await fixture.round(of: other.port, in: "other")
        let listener = try await HTTPListener.start()
        let empty = RootsDocument(auditor: "x", roots: [])
        listener.answer(.ok) { empty.encoded }
        let auditor = try await fixture.auditor(of: server.port) {
            $0.peers = [fixture.path(AuditorFiles.logName, in: "other"), listener.url]
        }
        for number in 1...2 {
            let report = try #require(await auditor.round())
            #expect(report.verdict == .consistent)
            #expect(
                report.warnings.count {
                    $0.contains("audits another server, another: the one here is ")
                } == 1)
            #expect(
                report.warnings.count { $0.contains("\(listener.url) trusts no root yet") } == 1)
            #expect(
                auditor.registry.text().contains(
                    "immuclient_audit_peers_not_compared_total \(2 * number)\n"))
        }
        await auditor.close()
        await listener.stop()
        await server.stop()
        await other.stop()
    }

    @Test("do not believe a peer whose root the server has not signed, if a key is pinned")
    func lyingPeer() async throws {
        let key = P256.Signing.PrivateKey()
        let server = try await LyingServer.startWithPages(TestLedger(count: 9))
        server.change { $0.sign(with: key) }
        let listener = try await HTTPListener.start()
        let document = RootsDocument(
            auditor: "x",
            roots: [
                RootsDocument.Root(
                    SignedRoot(TestLedger(count: 7, salt: "!").root),
                    of: try #require(ServerIdentity(LyingServer.identityText))),
                // Of a server that is none of this auditor's business.
                RootsDocument.Root(
                    SignedRoot(TestLedger(count: 7, salt: "?").root),
                    of: try #require(ServerIdentity("another"))),
            ])
        listener.answer(.ok) { document.encoded }
        let pinned = try RootPublicKey(pem: key.publicKey.pemRepresentation)
        let doubtful = try await fixture.round(of: server.port, in: "first") {
            $0.peers = [listener.url]
            $0.connection.signingKey = pinned
        }
        #expect(doubtful.verdict == .consistent)
        #expect(doubtful.warnings.contains { $0.contains("that the server has not signed") })
        // Without a pinned key its operator's word is all there is.
        let alarmed = try await fixture.round(of: server.port, in: "second") {
            $0.peers = [listener.url]
        }
        #expect(alarmed.verdict == .forked)
        await listener.stop()
        await server.stop()
    }

    @Test(
        "refuse answers that are none",
        arguments: [
            "", "{}", "[]", #"{"auditor":"","roots":[{"server":"a","size":1,"root":"00"}]}"#,
        ])
    func malformed(text: String) {
        #expect(throws: AuditorError.self) { try PeerSources.roots(in: Array(text.utf8)) }
    }

    @Test("are asked for no more than a bounded answer")
    func bounded() async throws {
        let listener = try await HTTPListener.start()
        listener.answer(.ok) { [UInt8](repeating: 0x20, count: PeerSources.byteLimit + 1) }
        let web = WebCalls()
        await #expect(throws: AuditorError.self) {
            _ = try await PeerSources(http: web).roots(of: listener.url)
        }
        let many = RootsDocument(
            auditor: "",
            roots: Array(
                repeating: RootsDocument.Root(
                    SignedRoot(.empty), of: try #require(ServerIdentity("a"))),
                count: PeerSources.rootLimit + 1))
        #expect(throws: AuditorError.self) { try PeerSources.roots(in: many.encoded) }
        await web.close()
        await listener.stop()
    }
}
