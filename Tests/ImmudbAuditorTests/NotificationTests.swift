import Crypto
import Foundation
import ImmudbClient
import LyingServer
import MerkleTree
import NIOHTTP1
import PrometheusMetrics
import Testing

@testable import ImmudbAuditor

@Suite("Notifications of an auditor")
struct NotificationTests {
    private let fixture = AuditorFixture()

    @Test("have the original's fields in the original's order, byte for byte")
    func bytes() async throws {
        let listener = try await HTTPListener.start()
        let server = try await LyingServer.startWithPages(TestLedger(count: 3))
        listener.answer(.ok) { [UInt8](repeating: 0x20, count: 1 << 20) }
        func round() async throws -> RoundReport {
            try await fixture.round(of: server.port) {
                $0.notification = NotificationOptions(
                    url: "\(listener.url)/audit?a=b", username: "jo\"e", password: "p/w")
            }
        }
        func root(_ root: TrustedRoot, _ signature: String = "", _ key: String = "") -> String {
            #"{"index":\#(root.size.rawValue - 1),"hash":"\#(root.root.hex)","signature":"#
                + #"{"signature":"\#(signature)","public_key":"\#(key)"}}"#
        }
        let old = server.ledger.root
        let first = try await round()
        server.change { $0.ledger.append([1], [2]) }
        let new = server.ledger.root
        let second = try await round()
        // A root that is signed.
        let key = P256.Signing.PrivateKey()
        server.change { $0.sign(with: key) }
        let third = try await round()
        server.change { $0.ledger = TestLedger(count: 1) }
        let fourth = try await round()
        #expect(fourth.verdict == .rolledBack)
        // A receiver that answers with a large page has taken it, too.
        #expect(!fixture.logLines.contains { $0.contains("could not be sent") })
        let requests = listener.requests
        #expect(requests.map(\.head) == Array(repeating: "POST /audit?a=b", count: 4))
        #expect(requests.allSatisfy { $0.contentType == "application/json" })
        func time(_ report: RoundReport) -> String { report.startedAt.formatted(.iso8601) }
        let start = #"{"username":"jo\"e","password":"p/w","db":"immudb","run_at":"#
        #expect(
            requests[0].body
                == start
                + #""\#(time(first))","tampered":false,"previous_root":null,"current_root":"#
                + root(old) + "}")
        #expect(
            requests[1].body
                == start + #""\#(time(second))","tampered":false,"previous_root":"# + root(old)
                + #","current_root":"# + root(new) + "}")
        let signature = try #require(third.current?.signature)
        #expect(
            requests[2].body
                == start + #""\#(time(third))","tampered":false,"previous_root":"# + root(new)
                + #","current_root":"#
                + root(
                    new, Data(signature.signature).base64EncodedString(),
                    key.publicKey.x963Representation.base64EncodedString()) + "}")
        #expect(requests[3].body.contains(#""tampered":true,"previous_root":"# + root(new)))
        #expect(requests[3].body.hasSuffix("}"))
        await server.stop()
        // Silence says nothing of tampering.
        #expect(try await round().verdict == .unreachable)
        #expect(listener.requests.count == 4)
        await listener.stop()
    }

    @Test("that cannot be delivered are logged and counted, and end no round")
    func undelivered() async throws {
        let listener = try await HTTPListener.start()
        listener.answer(.internalServerError)
        let server = try await LyingServer.startWithPages(TestLedger(count: 3))
        let auditor = try await fixture.auditor(of: server.port) {
            $0.notification = NotificationOptions(url: listener.url)
        }
        #expect(await auditor.round()?.verdict == .consistent)
        await listener.stop()
        #expect(await auditor.round()?.verdict == .consistent)
        #expect(
            auditor.registry.text().contains("immuclient_audit_notification_failures_total 2\n"))
        #expect(
            fixture.logLines.contains {
                $0.contains("could not be sent to \(listener.url)") || $0.contains("status 500")
            })
        await auditor.close()
        await server.stop()
    }
}
