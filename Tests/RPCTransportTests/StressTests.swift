import Foundation
import RPCTransport
import SwiftProtobuf
import Testing

extension NetworkTests {
    /// Calls that end in every way and at every moment, at the same time: deadlines about as long
    /// as the queue, cancellations, connections that close, slow handlers, streams and large
    /// answers. Each answer must belong to its request. ThreadSanitizer and AddressSanitizer watch
    /// this suite in `make sanitize`.
    @Suite("Calls that end at any moment")
    struct StressTests {
        /// The time for each test: IMMUDB_STRESS_SECONDS, or a few seconds.
        private static let span = Duration.seconds(
            ProcessInfo.processInfo.environment["IMMUDB_STRESS_SECONDS"].flatMap { Int($0) } ?? 2)

        /// Starts calls until the span is over, a number of them at a time. Returns how many
        /// succeeded.
        private func flood(
            _ width: Int, _ call: @escaping @Sendable (Int) async throws -> Bool
        ) async throws -> Int {
            let end = ContinuousClock.now + Self.span
            return try await withThrowingTaskGroup(of: Int.self) { group in
                for lane in 0..<width {
                    group.addTask {
                        var well = 0
                        var number = lane
                        while ContinuousClock.now < end {
                            if try await call(number) { well += 1 }
                            number += width
                        }
                        return well
                    }
                }
                return try await group.reduce(0, +)
            }
        }

        /// Calls with a text of its own, and expects that text or one of the statuses.
        private func echo(
            _ client: RPCClient, _ method: String, _ number: Int, byteCount: Int,
            timeout: Duration?, allowing codes: Set<StatusCode>
        ) async throws -> Bool {
            var content = Data("\(number)/".utf8)
            while content.count < byteCount { content += content }
            content.removeLast(content.count - byteCount)
            do {
                let answer: RPCResponse<BytesValue> = try await client.unary(
                    "/test.Peer/\(method)", BytesValue(content), timeout: timeout)
                #expect(answer.message.value == content, "\(method) \(number)")
                return true
            } catch let error as RPCError {
                #expect(codes.contains(error.code), "\(method): \(error)")
                return false
            }
        }

        private func withServer(
            connections: Int, _ body: (RPCServer, [RPCClient]) async throws -> Void
        ) async throws {
            let server = try await PeerServer.start { $0.resetBurst = 10_000_000 }
            let clients = (0..<connections).map { _ in
                RPCClient(.init(host: "127.0.0.1", port: server.port))
            }
            try await body(server, clients)
            // The server still serves, and holds nothing.
            for client in clients {
                #expect(
                    try await echo(
                        client, "Echo", 1, byteCount: 100, timeout: .seconds(20), allowing: []))
                await client.shutdown()
            }
            #expect(try await eventually { server.heldAnswerByteCount == 0 })
            #expect(try await eventually { server.heldRequestByteCount == 0 })
            await server.shutdown(deadline: .seconds(5))
        }

        @Test(
            "get their own answers with deadlines about as long as the queueing",
            arguments: ["Echo", "EchoInline", "EchoBlocking", "EchoWalk", "Later"])
        func deadlines(method: String) async throws {
            try await withServer(connections: 4) { _, clients in
                let served = try await flood(1_000) { number in
                    try await echo(
                        clients[number % clients.count], method, number,
                        byteCount: 1 + number % 3_000,
                        timeout: .microseconds(
                            number % 7 == 0 ? 2_000_000 : 1_000 + number % 4_000),
                        allowing: [.deadlineExceeded])
                }
                #expect(served > 0)
            }
        }

        @Test("may be cancelled by the client's tasks at any moment")
        func cancellations() async throws {
            try await withServer(connections: 2) { _, clients in
                let methods = ["Echo", "EchoInline", "EchoBlocking", "EchoWalk", "Later"]
                let served = try await flood(200) { number in
                    let task = Task {
                        try await echo(
                            clients[number % clients.count], methods[number / 200 % methods.count],
                            number,
                            byteCount: 1 + number % 20_000, timeout: .seconds(20),
                            allowing: [.cancelled])
                    }
                    // Waits for one call in seven: on a slow machine no answer is as fast as the
                    // other calls are cancelled.
                    if number % 7 != 0 {
                        try await Task.sleep(for: .microseconds(number % 5_000))
                        task.cancel()
                    }
                    return try await task.value
                }
                #expect(served > 0)
            }
        }

        @Test(
            "may be streams and large answers that are abandoned midway, beside slow handlers")
        func streams() async throws {
            try await withServer(connections: 2) { _, clients in
                let served = try await flood(40) { number in
                    let client = clients[number % clients.count]
                    switch number % 4 {
                    case 0:
                        return try await left(client, after: number % 9, timeout: .seconds(20))
                    case 1:
                        return try await left(
                            client, after: .max, timeout: .milliseconds(number % 30))
                    case 2:
                        return try await large(client, number)
                    default:
                        return try await echo(
                            client, "Slow", number, byteCount: 10,
                            timeout: .milliseconds(80 + number % 60), allowing: [.deadlineExceeded])
                    }
                }
                #expect(served > 0)
            }
        }

        /// Takes a number of answers of an endless stream, and drops it.
        private func left(
            _ client: RPCClient, after count: Int, timeout: Duration
        ) async throws -> Bool {
            do {
                let stream: RPCResponseStream<BytesValue> = try await client.serverStreaming(
                    "/test.Peer/Endless", Int64Value(30_000), timeout: timeout)
                var taken = 0
                for try await message in stream {
                    #expect(message.value.count == 30_000)
                    taken += 1
                    if taken > count { break }
                }
                return true
            } catch let error as RPCError {
                #expect(error.code == .deadlineExceeded, "\(error)")
                return false
            }
        }

        private func large(_ client: RPCClient, _ number: Int) async throws -> Bool {
            let count = 100_000 + number % 1_000_000
            do {
                let answer: RPCResponse<BytesValue> = try await client.unary(
                    "/test.Peer/\(number % 8 < 4 ? "Large" : "Sized")", Int64Value(Int64(count)),
                    timeout: .milliseconds(1 + number % 500))
                #expect(answer.message.value.count == count)
                return true
            } catch let error as RPCError {
                #expect(error.code == .deadlineExceeded, "\(error)")
                return false
            }
        }

        @Test("may lose their connection while they wait, run and are answered")
        func disconnects() async throws {
            try await withServer(connections: 1) { server, clients in
                let served = try await flood(12) { number in
                    guard number % 3 > 0 else {
                        return try await echo(
                            clients[0], "Echo", number, byteCount: number % 5_000,
                            timeout: .seconds(20), allowing: [])
                    }
                    // Not more than the server can close.
                    #expect(try await eventually { server.connectionCount < 50 })
                    let peer = try await RawPeer.connect(server.port, window: 1_000_000)
                    let first = peer.call("Large", 3_000, times: 100, padding: 1_000)
                    peer.call("Sized", 200_000, times: 2)
                    peer.call("Endless", 10_000, times: 2)
                    if number % 2 == 0 { peer.cancel(from: first, times: 60) }
                    try await Task.sleep(for: .microseconds(number % 3_000))
                    await peer.close()
                    return false
                }
                #expect(served > 0)
                // The server still processes what the last clients sent.
                #expect(
                    try await eventually(within: .seconds(60)) { server.connectionCount == 1 })
            }
        }

        @Test("are all ended by a shutdown")
        func shutdown() async throws {
            for round in 0..<8 {
                let server = try await PeerServer.start()
                let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
                let ended = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            try await echo(
                                client, number % 5 == 0 ? "Later" : "Echo", number,
                                byteCount: 1 + number, timeout: .seconds(20),
                                allowing: [.unavailable, .cancelled])
                        }
                    }
                    try await Task.sleep(for: .microseconds(500 * round))
                    await server.shutdown(deadline: .milliseconds(round % 2 == 0 ? 0 : 200))
                    return try await group.reduce(into: 0) { count, _ in count += 1 }
                }
                #expect(ended == 200)
                #expect(server.connectionCount == 0)
                await client.shutdown()
            }
        }
    }
}
