import Foundation
import ImmudbClient
import LyingServer
import MerkleTree
import PrometheusMetrics
import TestTools
import Testing

@testable import ImmudbGateway

@Suite("The verified routes")
struct VerifiedRouteTests {
    private let folder = TemporaryFolder()
    private let honest = TestLedger(count: 13)

    /// The requests of the verified routes. Every one is about a key that the ledger has.
    private static let requests: [(route: String, body: String)] = [
        ("item/safe/get", #"{"key":"\#(base64("key5"))"}"#),
        ("item/safe", #"{"kv":{"key":"\#(base64("new"))","value":"\#(base64("value"))"}}"#),
        (
            "safe/reference",
            #"{"ro":{"reference":"\#(base64("name"))","key":"\#(base64("key5"))"}}"#
        ),
        (
            "safe/zadd",
            #"{"zopts":{"set":"\#(base64("set"))","score":1.5,"key":"\#(base64("key5"))"}}"#
        ),
    ]

    private func rootFile() throws -> Data {
        try Data(
            contentsOf: URL(
                fileURLWithPath: "\(folder.path)/.root-\(LyingServer.identityText)"))
    }

    /// A gateway that trusts the first 7 entries.
    private func trusting(isStrict: Bool = false) async throws -> (LyingServer, TestGateway) {
        let server = try await LyingServer.start(TestLedger(count: 7))
        let gateway = try await TestGateway(
            immudbPort: server.port, in: folder, isStrict: isStrict)
        let answer = try await gateway.post("item/safe/get", Self.requests[0].body)
        #expect(answer.json["verified"] as? Bool == true)
        return (server, gateway)
    }

    /// The ledger grows to 13 entries, and the server lies about it.
    private func tell(_ lie: Lie, _ server: LyingServer) {
        let honest = honest
        server.change {
            $0.ledger = honest
            lie.tell(&$0)
        }
    }

    @Test("pass on what an honest server has proven, and move the trusted root")
    func honestServer() async throws {
        let server = try await LyingServer.start(honest)
        let gateway = try await TestGateway(immudbPort: server.port, in: folder)
        let read = try await gateway.post("item/safe/get", Self.requests[0].body)
        #expect(
            read.body
                == #"{"key":"\#(base64("key5"))","value":"\#(base64("value5"))","index":5,"time":0,"verified":true}"#
        )
        for (number, request) in Self.requests[1...].enumerated() {
            let written = try await gateway.post(request.route, request.body)
            #expect(written.status == 200)
            #expect(written.body == #"{"index":\#(13 + number),"verified":true}"#)
        }
        #expect(try rootFile().first == 0x08)
        #expect(gateway.registry.text().contains("immugw_verifications_total 4"))
        await gateway.stop()
        await server.stop()
    }

    /// How the gateway answers a lie.
    private enum Outcome {
        /// 200, with the index of the entry that immudb has shown or acknowledged.
        case unverified(index: Int)
        /// 500: immudb has shown no entry.
        case nothingShown
        /// 409: immudb has refused the write.
        case notStored
        /// 500, as immugw 0.6 answers the proof of another leaf.
        case otherLeaf
    }

    private static func outcome(of lie: Lie, isWrite: Bool, acknowledged index: Int) -> Outcome {
        switch lie {
        case .shrunk: isWrite ? .notStored : .nothingShown
        case .shrunkSilently where !isWrite: .nothingShown
        case .otherLeaf where isWrite: .otherLeaf
        case .otherValue where isWrite: .otherLeaf
        case .otherEntry where isWrite: .otherLeaf
        case .otherEntry: .unverified(index: 6)
        case .otherIndex where isWrite: .otherLeaf
        case .emptyProof where isWrite: .unverified(index: 0)
        default: .unverified(index: isWrite ? index : 5)
        }
    }

    @Test(
        "answer a lie of the server by showing that nothing is verified, keep the trusted root, and count it",
        arguments: Lie.allCases)
    func lies(lie: Lie) async throws {
        let (server, gateway) = try await trusting()
        let before = try rootFile()
        tell(lie, server)
        for request in Self.requests {
            let answer = try await gateway.post(request.route, request.body)
            let context: Comment = "\(lie) \(request.route): \(answer.status) \(answer.body)"
            let (code, message) = (answer.json["code"] as? Int, answer.json["message"] as? String)
            let outcome = Self.outcome(
                of: lie, isWrite: request.route != Self.requests[0].route,
                acknowledged: Int(server.ledger.size.rawValue) - 1)
            switch outcome {
            case .unverified(let index):
                #expect(answer.status == 200, context)
                #expect(answer.json["verified"] as? Bool == false, context)
                #expect(answer.json["index"] as? Int == index, context)
            case .nothingShown:
                #expect(answer.status == 500 && code == 15, context)
                #expect(answer.json["verified"] == nil, context)
            case .notStored:
                #expect(answer.status == 409 && code == 10, context)
                #expect(message?.hasPrefix("the entry is not stored: ") == true, context)
            case .otherLeaf:
                #expect(answer.status == 500 && code == 2, context)
                #expect(message == "proof does not match the given item", context)
            }
        }
        #expect(try rootFile() == before)
        let failures = gateway.registry.text().split(separator: "\n").filter {
            $0.hasPrefix("immugw_failed_verifications_total{")
        }.compactMap { Int($0.split(separator: " ").last ?? "") }.reduce(0, +)
        #expect(failures == Self.requests.count)
        await gateway.stop()
        await server.stop()
    }

    @Test(
        "answer a lie with 502 and the evidence in strict mode",
        arguments: [Lie.otherRoot, .shrunk, .otherValue, .flippedConsistency])
    func strict(lie: Lie) async throws {
        let (server, gateway) = try await trusting(isStrict: true)
        tell(lie, server)
        for request in Self.requests {
            let answer = try await gateway.post(request.route, request.body)
            #expect(answer.status == 502, "\(answer.body)")
            #expect(answer.json["code"] as? Int == 15)
            let message = try #require(answer.json["message"] as? String)
            let isWrite = request.route != Self.requests[0].route
            #expect(message.hasPrefix("the entry is not stored: ") == (isWrite && lie == .shrunk))
            #expect(
                message.hasPrefix("the entry is probably stored, ") == (isWrite && lie != .shrunk))
            let details = try #require(answer.json["details"] as? [[String: Any]])
            #expect(details.count == 1)
            #expect(VerificationError.Code(rawValue: details[0]["check"] as? String ?? "") != nil)
            let file = try #require(details[0]["file"] as? String)
            #expect(file.hasPrefix("\(folder.path)/evidence/"))
            #expect(FileManager.default.fileExists(atPath: file))
        }
        await gateway.stop()
        await server.stop()
    }

    @Test(
        "say nothing about another server that answers at the address of a trusted one, and count it",
        arguments: [false, true])
    func otherServer(isStrict: Bool) async throws {
        let server = try await LyingServer.start(honest)
        let port = server.port
        let gateway = try await TestGateway(immudbPort: port, in: folder, isStrict: isStrict)
        #expect(try await gateway.post("item/safe/get", Self.requests[0].body).status == 200)
        await server.stop()
        let other = try await LyingServer.start(
            honest, identity: "dc1jror8di1986gclkvg", port: port)
        var answer = try await gateway.post("item/safe/get", Self.requests[0].body)
        let end = ContinuousClock.now + .seconds(10)
        while answer.body.contains("closed") || answer.body.contains("refused"),
            ContinuousClock.now < end
        {
            try await Task.sleep(for: .milliseconds(50))
            answer = try await gateway.post("item/safe/get", Self.requests[0].body)
        }
        #expect(answer.status == (isStrict ? 502 : 503))
        #expect(answer.body.contains("dc1jror8di1986gclkvg"), "\(answer.body)")
        #expect(!answer.body.contains("verified"))
        let details = answer.json["details"] as? [[String: Any]]
        #expect(details?.first?["check"] as? String == (isStrict ? "serverChanged" : nil))
        #expect(
            gateway.registry.text().contains(
                #"immugw_failed_verifications_total{check="serverChanged"} "#))
        await gateway.stop()
        await other.stop()
    }

    @Test("begin to be served when immudb comes, however often it was not there")
    func lateServer() async throws {
        let first = try await LyingServer.start(honest)
        let port = first.port
        await first.stop()
        let gateway = try await TestGateway(immudbPort: port, in: folder)
        for _ in 0..<3 {
            let answer = try await gateway.post("item/safe/get", Self.requests[0].body)
            #expect(answer.status == 503, "\(answer.body)")
        }
        let server = try await LyingServer.start(honest, port: port)
        var answer = try await gateway.post("item/safe/get", Self.requests[0].body)
        let end = ContinuousClock.now + .seconds(15)
        while answer.status == 503, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(100))
            answer = try await gateway.post("item/safe/get", Self.requests[0].body)
        }
        #expect(answer.json["verified"] as? Bool == true, "\(answer.body)")
        await gateway.stop()
        await server.stop()
    }

    @Test("serve callers at the same time, each against a root that continues the ones before")
    func concurrentCallers() async throws {
        let server = try await LyingServer.start(honest)
        let gateway = try await TestGateway(immudbPort: server.port, in: folder)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let answer =
                        number.isMultiple(of: 2)
                        ? try await gateway.post("item/safe/get", Self.requests[0].body)
                        : try await gateway.post("item/safe", Self.requests[1].body)
                    return answer.json["verified"] as? Bool == true
                }
            }
            for try await isVerified in group { #expect(isVerified) }
        }
        await gateway.stop()
        await server.stop()
    }
}
