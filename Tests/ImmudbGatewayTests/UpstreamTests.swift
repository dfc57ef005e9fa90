import Foundation
import LyingServer
import NIOCore
import NIOHTTP1
import NIOPosix
import TestTools
import Testing

@testable import ImmudbGateway

@Suite("The way to immudb")
struct UpstreamTests {
    private let folder = TemporaryFolder()
    private let body = #"{"key":"\#(base64("key5"))"}"#

    /// A gateway of an immudb that takes calls and says nothing.
    private func withSilentServer(_ body: (TestGateway) async throws -> Void) async throws {
        let server = try await LyingServer.start(TestLedger(count: 7))
        server.change { $0.ignoresHealth = true }
        let gateway = try await TestGateway(immudbPort: server.port, in: folder)
        try await body(gateway)
        await gateway.stop()
        await server.stop()
    }

    @Test("is not waited for beyond the caller's timeout")
    func timeout() async throws {
        try await withSilentServer { gateway in
            let start = ContinuousClock.now
            let answer = try await gateway.post(
                "item/safe/get", body, [("Grpc-Timeout", "300m")])
            #expect(answer.status == 504, "\(answer.body)")
            #expect(answer.json["code"] as? Int == 4)
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("is closed at the deadline of a stop, for requests that wait for it")
    func stop() async throws {
        try await withSilentServer { gateway in
            let request = Task { try await gateway.post("item/safe/get", body) }
            while gateway.gateway.connectionCount == 0 {
                try await Task.sleep(for: .milliseconds(5))
            }
            try await Task.sleep(for: .milliseconds(200))
            let start = ContinuousClock.now
            let isClean = await gateway.gateway.stop(deadline: .milliseconds(300))
            #expect(!isClean)
            #expect(ContinuousClock.now - start < .seconds(5))
            // It was answered that immudb is away, or its connection was cut.
            if let answer = try? await request.value { #expect(answer.status >= 500) }
        }
    }

    @Test("is asked for few logins of one client at a time, so that others get their turns")
    func logins() async throws {
        // It takes connections, and says nothing.
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        var limits = RequestLimits()
        limits.maxLoginCount = 2
        let gateway = try await TestGateway(
            immudbPort: try #require(silent.localAddress?.port), in: folder, limits: limits)
        let login = #"{"user":"\#(base64("a"))","password":"\#(base64("b"))"}"#
        let first = Task { try await gateway.post("login", login) }
        let end = ContinuousClock.now + .seconds(4)
        while gateway.gateway.waitingLoginCount == 0, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        let second = try await gateway.post("login", login)
        #expect(second.status == 429)
        #expect(second.body.contains("too many logins are waiting"))
        // Other calls have their own places.
        let get = try await gateway.get("item/\(base64("key"))", [("Grpc-Timeout", "50m")])
        #expect([503, 504].contains(get.status))
        #expect(try await first.value.status == 503)
        await gateway.stop()
        try await silent.close()
    }

    @Test("shows whether users have to log in, and whether writes are taken")
    func status() async throws {
        let server = try await LyingServer.start(TestLedger(count: 7))
        let gateway = try await TestGateway(immudbPort: server.port, in: folder)
        var status: [String: Any] = [:]
        let end = ContinuousClock.now + .seconds(10)
        while status["authentication"] == nil, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(20))
            status = try await gateway.request(.GET, "/console/status").json
        }
        #expect(status["authentication"] as? Bool == true)
        #expect((status["immudb"] as? [String: Any])?["takesWrites"] as? Bool == true)
        await gateway.stop()
        await server.stop()
    }

    /// Asks `/readyz` until it answers with a text, for some seconds.
    private func readiness(of gateway: TestGateway, saying text: String) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            if try await gateway.request(.GET, "/readyz").body.contains(text) { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    @Test("is not ready while the trusted root cannot be used")
    func unusableRoot() async throws {
        let server = try await LyingServer.start(TestLedger(count: 7))
        let file = URL(fileURLWithPath: "\(folder.path)/.root-\(LyingServer.identityText)")
        try Data("junk".utf8).write(to: file)
        let gateway = try await TestGateway(immudbPort: server.port, in: folder)
        #expect(try await readiness(of: gateway, saying: "does not hold a root"))
        #expect(try await gateway.post("item/safe/get", body).status == 500)
        try FileManager.default.removeItem(at: file)
        #expect(try await readiness(of: gateway, saying: "ok"))
        // Once a root was trusted, a file that has gone is a fault.
        #expect(try await gateway.post("item/safe/get", body).status == 200)
        try FileManager.default.removeItem(at: file)
        #expect(try await readiness(of: gateway, saying: "is gone in the store"))
        await gateway.stop()
        await server.stop()
    }
}
