import Foundation
import NIOCore
import NIOPosix
import RPCTransport
import SwiftProtobuf
import Synchronization
import Testing

extension NetworkTests {
    @Suite("RPCClient and RPCServer")
    struct TransportTests {
        private func withServer(
            _ counters: Counters = Counters(),
            configure: (inout RPCServer.Configuration) -> Void = { _ in },
            client configureClient: (inout RPCClient.Configuration) -> Void = { _ in },
            _ body: (RPCServer, RPCClient) async throws -> Void
        ) async throws {
            let server = try await PeerServer.start(counters, configure: configure)
            var configuration = RPCClient.Configuration(host: "127.0.0.1", port: server.port)
            configureClient(&configuration)
            let client = RPCClient(configuration)
            try await body(server, client)
            await client.shutdown()
            await server.shutdown(deadline: .seconds(5))
        }

        private func echo(
            _ client: RPCClient, _ text: String, method: String = "Echo",
            timeout: Duration? = .seconds(20)
        ) async throws -> String {
            let answer: RPCResponse<BytesValue> = try await client.unary(
                "/test.Peer/\(method)", BytesValue(Data(text.utf8)), timeout: timeout)
            return String(decoding: answer.message.value, as: UTF8.self)
        }

        @Test("give 10,000 concurrent calls on one connection their own answers")
        func manyCalls() async throws {
            try await withServer { _, client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<10_000 {
                        group.addTask {
                            let answer = try await echo(client, "\(number)")
                            #expect(answer == "\(number)")
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        @Test("pass headers with answers and errors, and the peer's address")
        func headers() async throws {
            try await withServer { _, client in
                let answer: RPCResponse<StringValue> = try await client.unary(
                    "/test.Peer/PeerAddress", Empty())
                #expect(answer.headers.first("server-id") == "test-server")
                #expect(answer.message.value.hasPrefix("127.0.0.1:"))
                let error = try await failure { try await echo(client, "x", method: "Nope") }
                #expect(
                    error.code == .unimplemented
                        && error.headers.first("server-id") == "test-server")
            }
        }

        @Test(
            "understand errors in a single block of trailers"
        )
        func trailersOnly() async throws {
            try await withServer(configure: { $0.initialHeaders = [:] }) { _, client in
                let error = try await failure {
                    let _: RPCResponse<Empty> = try await client.unary(
                        "/test.Peer/Fail", StringValue("5:gone"))
                }
                #expect(error.code == .notFound && error.message == "gone" && error.headers.isEmpty)
            }
        }

        @Test(
            "stop a stream that is not read, then continue it, and meanwhile serve others")
        func flowControl() async throws {
            let counters = Counters()
            try await withServer(counters) { _, client in
                let stream: RPCResponseStream<BytesValue> = try await client.serverStreaming(
                    "/test.Peer/Endless", Int64Value(100_000))
                var stalled = -1
                let standsStill = try await eventually {
                    defer { stalled = counters.streamed.load(ordering: .relaxed) }
                    try await Task.sleep(for: .milliseconds(300))
                    return counters.streamed.load(ordering: .relaxed) == stalled
                }
                #expect(standsStill)
                #expect(stalled > 0 && stalled < 60, "\(stalled) messages of 100 KB")
                #expect(try await echo(client, "meanwhile") == "meanwhile")
                var read = 0
                for try await message in stream {
                    #expect(message.value.count == 100_000)
                    read += 1
                    if read == 200 { break }
                }
            }
            #expect(try await eventually { counters.streamsEnded.load(ordering: .relaxed) == 1 })
        }

        @Test("let calls in flight finish at a shutdown, and accept no new ones")
        func draining() async throws {
            let server = try await PeerServer.start()
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            #expect(try await echo(client, "warm") == "warm")
            let inFlight = (0..<20).map { number in
                Task { try await echo(client, "\(number)", method: "Later") }
            }
            let held = Task { try await echo(client, "slow", method: "Slow") }
            try await Task.sleep(for: .milliseconds(5))
            await server.shutdown(deadline: .seconds(5))
            for (number, task) in inFlight.enumerated() {
                #expect(try await task.value == "\(number)")
            }
            #expect(try await held.value == "slow")
            let error = try await failure { try await echo(client, "late") }
            #expect(error.code == .unavailable)
            await client.shutdown()
        }

        @Test("end the remaining calls after the deadline of a shutdown, and tell the handlers")
        func cutting() async throws {
            let counters = Counters()
            let server = try await PeerServer.start(counters)
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let held = Task { try await echo(client, "x", method: "Hold") }
            #expect(try await eventually { counters.held.load(ordering: .relaxed) == 1 })
            let began = ContinuousClock.now
            await server.shutdown(deadline: .milliseconds(300))
            #expect(ContinuousClock.now - began < .seconds(3))
            #expect(try await failure { try await held.value }.code == .unavailable)
            #expect(counters.cancelled.load(ordering: .relaxed) == 1)
            await client.shutdown()
        }

        @Test("answer RESOURCE_EXHAUSTED for a full queue of requests, and continue")
        func fullQueue() async throws {
            try await withServer(configure: {
                $0.workerQueueCapacity = 4
                $0.workerThreadCount = 1
            }) { _, client in
                let codes = await withTaskGroup(of: StatusCode.self) { group in
                    for number in 0..<40 {
                        group.addTask {
                            do {
                                _ = try await echo(client, "\(number)", method: "Slow")
                                return .ok
                            } catch let error as RPCError {
                                return error.code
                            } catch {
                                return .unknown
                            }
                        }
                    }
                    return await group.reduce(into: [StatusCode: Int]()) { $0[$1, default: 0] += 1 }
                }
                #expect(codes[.ok, default: 0] >= 4)
                #expect(codes[.resourceExhausted, default: 0] >= 10)
                #expect(codes.count == 2, "\(codes)")
                let after = try await echo(client, "after")
                #expect(after == "after")
            }
        }

        @Test("refuse requests that would fill the memory")
        func bufferedRequests() async throws {
            try await withServer(configure: {
                $0.eventLoopThreadCount = 1
                $0.maxBufferedRequestByteCount = 1 << 20
            }) { _, client in
                let error = try await failure {
                    let _: RPCResponse<BytesValue> = try await client.unary(
                        "/test.Peer/Echo", BytesValue(Data(count: 4 << 20)))
                }
                #expect(error.code == .resourceExhausted, "\(error)")
                #expect(try await echo(client, "after") == "after")
            }
        }

        @Test("do not let long waiting calls delay others")
        func longCalls() async throws {
            let counters = Counters()
            try await withServer(counters) { _, client in
                // Answers of 1 MiB first, so that the server expects the next ones to be as large.
                for _ in 0..<20 {
                    let _: RPCResponse<BytesValue> = try await client.unary(
                        "/test.Peer/Large", Int64Value(1 << 20))
                }
                let held = (0..<200).map { _ in
                    Task { try await echo(client, "", method: "Hold", timeout: nil) }
                }
                #expect(try await eventually { counters.held.load(ordering: .relaxed) == 200 })
                #expect(try await echo(client, "x", timeout: .seconds(2)) == "x")
                for task in held { task.cancel() }
                for task in held {
                    #expect(try await failure { try await task.value }.code == .cancelled)
                }
            }
        }

        @Test(
            "report every call to the observer: method, code, peer; unknown methods without a name")
        func observing() async throws {
            final class Seen: Sendable {
                let begun = Atomic(0)
                let calls = Mutex<[String]>([])
            }
            final class Observer: RPCServer.CallObserver {
                let seen: Seen
                let peerHost: String

                init(_ seen: Seen, _ peerHost: String) {
                    self.seen = seen
                    self.peerHost = peerHost
                }

                func began(_ method: RPCMethod) { seen.begun.add(1, ordering: .relaxed) }

                func ended(_ call: RPCServer.FinishedCall) {
                    #expect(peerHost == "127.0.0.1")
                    #expect(call.duration > .nanoseconds(0))
                    let messages = "\(call.receivedMessageCount)>\(call.sentMessageCount)"
                    seen.calls.withLock {
                        $0.append("\(call.method?.path ?? "-") \(call.code) \(messages)")
                    }
                }
            }
            let seen = Seen()
            let counters = Counters()
            try await withServer(
                counters, configure: { $0.observer = { Observer(seen, $0) } }
            ) { _, client in
                _ = try await echo(client, "x")
                _ = try? await echo(client, "x", method: "Nope")
                _ = try? await echo(client, "3:x", method: "Fail")
                _ = try? await echo(client, "", method: "Hold", timeout: .milliseconds(50))
                let stream: RPCResponseStream<Int64Value> = try await client.serverStreaming(
                    "/test.Peer/Count", Int64Value(3))
                for try await _ in stream {}
                let held = Task { try await echo(client, "", method: "Hold") }
                #expect(try await eventually { counters.held.load(ordering: .relaxed) == 2 })
                held.cancel()
                #expect(try await eventually { seen.calls.withLock { $0.count } == 6 })
            }
            #expect(seen.begun.load(ordering: .relaxed) == 5)
            // Either side's clock may end the call first.
            var codes = seen.calls.withLock { $0.sorted() }
            let holds = codes.filter { $0 == "/test.Peer/Hold Canceled 1>0" }
            codes.removeAll { $0.hasPrefix("/test.Peer/Hold") }
            #expect((1...2).contains(holds.count))
            #expect(
                codes == [
                    "- Unimplemented 0>0", "/test.Peer/Count OK 1>3", "/test.Peer/Echo OK 1>1",
                    "/test.Peer/Fail InvalidArgument 1>0",
                ])
        }

        @Test("wait for the server if configured to, and only within the call's deadline")
        func waiting() async throws {
            let placeholder = try await PeerServer.start()
            let port = placeholder.port
            await placeholder.shutdown(deadline: .seconds(1))
            var configuration = RPCClient.Configuration(host: "127.0.0.1", port: port)
            configuration.waitForReady = true
            let client = RPCClient(configuration)
            let late = try await failure {
                try await echo(client, "x", timeout: .milliseconds(200))
            }
            #expect(late.code == .deadlineExceeded)
            let patient = Task { try await echo(client, "x") }
            try await Task.sleep(for: .milliseconds(200))
            let server = try await PeerServer.start { $0.port = port }
            #expect(try await patient.value == "x")
            await client.shutdown()
            #expect(try await failure { try await echo(client, "x") }.code == .unavailable)
            await server.shutdown(deadline: .seconds(1))
        }

        @Test("give up in time a server that accepts and sends nothing")
        func silentServer() async throws {
            let group = MultiThreadedEventLoopGroup.singleton
            let silent = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0)
                .get()
            var configuration = RPCClient.Configuration(
                host: "127.0.0.1", port: try #require(silent.localAddress?.port))
            configuration.connectTimeout = .milliseconds(300)
            let client = RPCClient(configuration)
            let error = try await failure { try await echo(client, "x", timeout: nil) }
            #expect(error.code == .unavailable && error.message.contains("cannot connect"))
            await client.shutdown()
            try await silent.close().get()
        }

        @Test("cannot listen twice on one port, and the second server says so")
        func portInUse() async throws {
            try await withServer { server, _ in
                let error = try await failure {
                    try await PeerServer.start { $0.port = server.port }
                }
                #expect(error.code == .unavailable)
                #expect(
                    error.message
                        == "cannot listen on 127.0.0.1:\(server.port): Address already in use")
            }
        }
    }
}
