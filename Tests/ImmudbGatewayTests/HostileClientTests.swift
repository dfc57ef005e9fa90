import Foundation
import LyingServer
import NIOCore
import TestTools
import Testing

@testable import ImmudbGateway

@Suite("A gateway of hostile clients")
struct HostileClientTests {
    private let folder = TemporaryFolder()

    /// Limits that a test reaches in a moment.
    private static var small: RequestLimits {
        var limits = RequestLimits()
        limits.maxBodyByteCount = 100_000
        limits.maxValueCount = 1_000
        limits.maxConnections = 8
        limits.maxHeaderByteCount = 16 << 10
        limits.headTimeout = .milliseconds(500)
        limits.crowdedHeadTimeout = .milliseconds(200)
        limits.bodyTimeout = .milliseconds(500)
        limits.lingerTime = .milliseconds(100)
        return limits
    }

    private func withGateway(
        _ limits: RequestLimits, _ body: (TestGateway) async throws -> Void
    ) async throws {
        let server = try await LyingServer.start(TestLedger(count: 3))
        let gateway = try await TestGateway(immudbPort: server.port, in: folder, limits: limits)
        try await body(gateway)
        // Whatever was sent, it serves on, and holds nothing.
        let end = ContinuousClock.now + .seconds(5)
        while gateway.gateway.connectionCount >= limits.maxConnections / 2,
            ContinuousClock.now < end
        {
            try await Task.sleep(for: .milliseconds(20))
        }
        let answer = try await gateway.post("item/safe/get", #"{"key":"\#(base64("key1"))"}"#)
        #expect(answer.status == 200)
        #expect(answer.json["verified"] as? Bool == true)
        #expect(gateway.gateway.heldByteCount == 0)
        await gateway.stop()
        await server.stop()
    }

    @Test(
        "answers bytes that are no request with 400, and closes the connection",
        arguments: [
            "nonsense\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        ])
    func noRequest(bytes: String) async throws {
        try await withGateway(Self.small) { gateway in
            let (text, isClosed) = try await RawConnection.exchange(port: gateway.port, [bytes])
            // Or another refusal, by those of which the head is whole.
            #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 4"), "\(text)")
            #expect(isClosed)
        }
    }

    @Test("refuses header fields beyond the limit")
    func largeHeader() async throws {
        try await withGateway(Self.small) { gateway in
            let fields = String(
                repeating: "X-Field: \(String(repeating: "v", count: 900))\r\n", count: 40)
            let (text, isClosed) = try await RawConnection.exchange(
                port: gateway.port,
                ["GET /v1/immurestproxy/root HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"])
            #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 4"), "\(text)")
            #expect(isClosed)
        }
    }

    @Test("refuses a body beyond the limit with 413, announced or not, and ends the connection")
    func largeBody() async throws {
        try await withGateway(Self.small) { gateway in
            let head = "POST /v1/immurestproxy/item HTTP/1.1\r\nHost: x\r\n"
            let chunk = "4000\r\n\(String(repeating: " ", count: 0x4000))\r\n"
            for request in [
                [head + "Content-Length: 100001\r\n\r\n", "{"],
                [head + "Content-Length: 99999999999999999999\r\n\r\n"],
                [head + "Transfer-Encoding: chunked\r\n\r\n"] + Array(repeating: chunk, count: 10),
            ] {
                let (text, isClosed) = try await RawConnection.exchange(port: gateway.port, request)
                #expect(
                    text.hasPrefix("HTTP/1.1 413 ") || text.hasPrefix("HTTP/1.1 400 "), "\(text)")
                #expect(isClosed)
            }
        }
    }

    @Test("refuses a body of more values than any batch has")
    func manyValues() async throws {
        try await withGateway(Self.small) { gateway in
            let body = #"{"KVs":[\#(String(repeating: "{},", count: 20_000)){}]}"#
            let answer = try await gateway.post("batch/set", body)
            #expect(answer.status == 400)
            #expect(answer.body.contains("values and names"))
        }
    }

    @Test("cuts a connection off that sends no request, or one that trickles in")
    func slowHead() async throws {
        try await withGateway(Self.small) { gateway in
            for (pieces, pause) in [
                ([""], Duration.zero),
                (Array(repeating: "G", count: 100), .milliseconds(50)),
                (
                    ["GET / HTTP/1.1\r\n"] + Array(repeating: "X: y\r\n", count: 100),
                    .milliseconds(50)
                ),
            ] {
                let started = ContinuousClock.now
                let (_, isClosed) = try await RawConnection.exchange(
                    port: gateway.port, pieces, pause: pause)
                #expect(isClosed)
                #expect(ContinuousClock.now - started < .seconds(4))
            }
        }
    }

    @Test("cuts a body off that trickles in")
    func slowBody() async throws {
        try await withGateway(Self.small) { gateway in
            let head =
                "POST /v1/immurestproxy/item HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
            let started = ContinuousClock.now
            let (_, isClosed) = try await RawConnection.exchange(
                port: gateway.port, [head] + Array(repeating: " ", count: 100),
                pause: .milliseconds(50))
            #expect(isClosed)
            #expect(ContinuousClock.now - started < .seconds(4))
        }
    }

    @Test(
        "gives one client half of the connections, and closes idle ones early when they are short")
    func manyConnections() async throws {
        try await withGateway(Self.small) { gateway in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        try await RawConnection.exchange(port: gateway.port, [""]).isClosed
                    }
                }
                for try await isClosed in group { #expect(isClosed) }
            }
        }
    }

    @Test("refuses bodies that it has no room for, and gives the room back")
    func noRoom() async throws {
        var limits = Self.small
        limits.maxHeldByteCount = 150_000
        try await withGateway(limits) { gateway in
            let large = #"{"key":"\#(String(repeating: "A", count: 60_000))"}"#
            let answer = try await gateway.post("item", large)
            #expect(answer.status == 429)
            #expect(answer.json["code"] as? Int == 8)
        }
    }

    @Test("closes a connection whose request ends behind its answer, and then sends no other")
    func lateEnd() async throws {
        try await withGateway(Self.small) { gateway in
            let started = ContinuousClock.now
            let (text, isClosed) = try await RawConnection.exchange(
                port: gateway.port,
                ["GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", " "],
                pause: .milliseconds(200))
            #expect(text.hasPrefix("HTTP/1.1 200 "))
            #expect(isClosed)
            #expect(ContinuousClock.now - started < .seconds(4))
        }
    }

    @Test("closes a connection that sends requests without end before it reads their answers")
    func endlessRequests() async throws {
        try await withGateway(Self.small) { gateway in
            let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
            let (_, isClosed) = try await RawConnection.exchange(
                port: gateway.port, [String(repeating: request, count: 5_000)])
            #expect(isClosed)
        }
    }

    @Test("answers a body whose framing is wrong with 400, since it is the client's mistake")
    func badChunk() async throws {
        try await withGateway(Self.small) { gateway in
            let (text, isClosed) = try await RawConnection.exchange(
                port: gateway.port,
                [
                    "POST /v1/immurestproxy/item HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                    "2\r\n{}\r\nzz\r\n",
                ], pause: .milliseconds(100))
            #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 400 "), "\(text)")
            #expect(isClosed)
        }
    }

    @Test("answers names, methods and paths that are costly to hash in a moment")
    func costlyNames() async throws {
        try await withGateway(Self.small) { gateway in
            let marks = String(repeating: "\u{315}\u{300}", count: 3_000)
            let started = ContinuousClock.now
            #expect(try await gateway.post("login", #"{"\#(marks)":1}"#).status == 400)
            let request = { (line: String, fields: String) in
                "\(line) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
            }
            let encoded = marks.utf8.prefix(6_000).map { "%" + String($0, radix: 16) }.joined()
            let form = "Content-Type: application/x-www-form-urlencoded\r\n"
            let preflight = "Origin: x\r\nAccess-Control-Request-Method: GET\r\n"
            for text in [
                request("GET /v1/immurestproxy/item/\(marks)", ""), request("GET /\(marks)", ""),
                request("GET /v1/immurestproxy/history/\(encoded)", ""),
                request(
                    "POST /v1/immurestproxy/root", "\(form)X-HTTP-Method-Override: \(marks)\r\n"),
                request(
                    "OPTIONS /v1/immurestproxy/root",
                    "\(preflight)Access-Control-Request-Headers: \(marks)\r\n"),
            ] {
                _ = try await RawConnection.exchange(port: gateway.port, [text])
            }
            // Each waits for the clock of the next head, half a second here.
            #expect(ContinuousClock.now - started < .seconds(8))
        }
    }

    @Test("tells a client that waits before its body to go on, unless the body is too large")
    func continuing() async throws {
        try await withGateway(Self.small) { gateway in
            let head = { (count: Int) in
                "POST /v1/immurestproxy/item/safe/get HTTP/1.1\r\nHost: x\r\n"
                    + "Expect: 100-continue\r\nContent-Length: \(count)\r\n\r\n"
            }
            let body = #"{"key":"\#(base64("key1"))"}"#
            let (text, _) = try await RawConnection.exchange(
                port: gateway.port, [head(body.utf8.count), body], pause: .milliseconds(100))
            #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "\(text)")
            let (refused, _) = try await RawConnection.exchange(
                port: gateway.port, [head(200_000)])
            #expect(refused.hasPrefix("HTTP/1.1 413 "), "\(refused)")
        }
    }

    @Test("answers HEAD without a body, also where it refuses it")
    func head() async throws {
        try await withGateway(Self.small) { gateway in
            let request = { (line: String) in "\(line) HTTP/1.1\r\nHost: x\r\n\r\n" }
            let (text, _) = try await RawConnection.exchange(
                port: gateway.port,
                [
                    request("HEAD /v1/immurestproxy/root") + request("HEAD /nope")
                        + request("HEAD /healthz") + request("GET /healthz")
                ])
            #expect(!text.contains("Not Allowed\n") && !text.contains("Not Found\n"), "\(text)")
            #expect(text.ranges(of: "ok\n").count == 1, "\(text)")
            #expect(text.ranges(of: "HTTP/1.1 ").count == 4, "\(text)")
        }
    }

    @Test("answers requests that come in one piece in their order")
    func pipelining() async throws {
        try await withGateway(Self.small) { gateway in
            let request = { (path: String) in "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n" }
            let (text, _) = try await RawConnection.exchange(
                port: gateway.port, [request("/healthz") + request("/nope") + request("/healthz")])
            let statuses = text.split(whereSeparator: \.isNewline).filter {
                $0.hasPrefix("HTTP/1.1 ")
            }
            #expect(statuses == ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.1 200 OK"])
        }
    }
}
