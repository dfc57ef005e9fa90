import Foundation
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

@testable import RPCTransport

extension NetworkTests {
    /// Clients that begin a request or an answer and hold back the rest.
    @Suite("Incomplete requests and unread answers")
    struct HeldBackTests {
        @Test(
            "are whole or absent if their client disconnects while they wait for their turn"
        )
        func leavesWhileWaiting() async throws {
            final class Seen: Sendable {
                let count = Atomic(0)
                let wrong = Atomic(0)
            }
            let seen = Seen()
            var configuration = RPCServer.Configuration(host: "127.0.0.1", port: 0)
            configuration.eventLoopThreadCount = 1
            let check = RPCMethod.unary("/test.Peer/Check") {
                (request: Google_Protobuf_Int64Value, call: ServerCall) in
                // After the field's tag and length there are only zeros.
                let isWhole = request.unknownFields.data.dropFirst(3).allSatisfy { $0 == 0 }
                if !isWhole { seen.wrong.add(1, ordering: .relaxed) }
                seen.count.add(1, ordering: .relaxed)
                call.reply(request)
            }
            let server = try await RPCServer.start(configuration, methods: [check])
            for _ in 0..<60 {
                let peer = try await RawPeer.connect(server.port)
                peer.call("Check", 7, times: 60, padding: 1_500)
                await peer.close()
            }
            #expect(try await eventually { server.connectionCount == 0 })
            #expect(seen.wrong.load(ordering: .relaxed) == 0)
            #expect(seen.count.load(ordering: .relaxed) > 0)
            await server.shutdown(deadline: .seconds(5))
        }

        @Test(
            "end their connection if a block of header fields does not end",
            arguments: [true, false])
        func openBlock(answersPings: Bool) async throws {
            let server = try await PeerServer.start { $0.slowRequestTimeout = .milliseconds(400) }
            let peer = try await RawPeer.connect(server.port)
            peer.beginRequest(block: [])
            #expect(try await eventually { server.connectionCount == 1 })
            if !answersPings { try await peer.stopReading() }
            #expect(try await eventually { server.connectionCount == 0 })
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test(
            "end their connection also if nghttp2 drops the block",
            arguments: ["closed stream", "reset stream"])
        func droppedBlock(kind: String) async throws {
            let server = try await PeerServer.start { $0.slowRequestTimeout = .milliseconds(400) }
            let peer = try await RawPeer.connect(server.port, window: 1 << 20)
            if kind == "closed stream" {
                let stream = peer.call("Large", 10)
                #expect(try await eventually { peer.now.ended == 1 })
                peer.headers(stream, flags: 0)
            } else {
                // The second path resets the stream; the block continues.
                let path: [UInt8] = [0, 5] + Array(":path".utf8) + [1, 0x2f]
                peer.beginRequest(block: path + path)
                #expect(try await eventually { peer.now.resets == 1 })
            }
            #expect(try await eventually { peer.now.isClosed })
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("do not end their connection if a dropped block has ended")
        func wholeDroppedBlock() async throws {
            let server = try await PeerServer.start { $0.slowRequestTimeout = .milliseconds(100) }
            let peer = try await RawPeer.connect(server.port, window: 1 << 20)
            let stream = peer.call("Large", 10)
            #expect(try await eventually { peer.now.ended == 1 })
            peer.headers(stream, flags: 4)
            try await Task.sleep(for: .milliseconds(700))
            #expect(!peer.now.isClosed)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("end their connection after endless changes of settings")
        func settingsChanges() async throws {
            let server = try await PeerServer.start()
            let peer = try await RawPeer.connect(server.port)
            peer.changeSettings(times: 90)
            peer.call("Large", 10)
            try await Task.sleep(for: .milliseconds(200))
            #expect(!peer.now.isClosed)
            peer.changeSettings(times: 90)
            #expect(try await eventually { peer.now.isClosed })
            #expect(peer.now.goAway == 11)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("end their connection after PINGs in a row, also when they come a few at a time")
        func pings() async throws {
            let server = try await PeerServer.start()
            let peer = try await RawPeer.connect(server.port, window: 1 << 20)
            for _ in 0..<9 {
                peer.ping(times: 100)
                try await Task.sleep(for: .milliseconds(5))
            }
            // With another frame between them, the count begins again.
            peer.call("Large", 10)
            #expect(try await eventually { peer.now.ended == 1 })
            for _ in 0..<9 {
                peer.ping(times: 100)
                try await Task.sleep(for: .milliseconds(5))
            }
            try await Task.sleep(for: .milliseconds(100))
            #expect(!peer.now.isClosed)
            for _ in 0..<9 where !peer.now.isClosed {
                peer.ping(times: 100)
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(try await eventually { peer.now.isClosed })
            #expect(peer.now.goAway == 11)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("include answered calls whose streams stay open")
        func answeredCalls() async throws {
            let server = try await PeerServer.start()
            let peer = try await RawPeer.connect(server.port)
            peer.call("Large", 1, times: 200)
            #expect(try await eventually { server.heldAnswerByteCount >= 200 << 10 })
            await peer.close()
            #expect(try await eventually { server.heldAnswerByteCount == 0 })
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("are given back for a stream when its request is decoded")
        func decodedRequests() async throws {
            let running = Atomic<Int>(0)
            let server = try await RPCServer.start(
                RPCServer.Configuration(),
                methods: [
                    .serverStreaming("/test.Peer/Wait", measure: { _ in 100 }) {
                        (_: Empty, stream) in
                        running.add(1, ordering: .relaxed)
                        while !stream.isCancelled { try await Task.sleep(for: .milliseconds(20)) }
                    }
                ])
            let peer = try await RawPeer.connect(server.port)
            // 320 KB of requests.
            peer.call("Wait", 0, times: 20, padding: 16_000)
            #expect(
                try await eventually(within: .seconds(30)) {
                    running.load(ordering: .relaxed) == 20
                })
            #expect(
                try await eventually { server.heldRequestByteCount <= 3 * Admission.chunkByteCount }
            )
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("make room for others if their client does not read")
        func waitingRequests() async throws {
            let server = try await PeerServer.start {
                $0.maxBufferedRequestByteCount = 1 << 20
                $0.maxUnsentAnswerByteCount = 64 << 10
                $0.unreadAnswerTimeout = .seconds(4)
            }
            let peers = [
                try await RawPeer.connect(server.port), try await RawPeer.connect(server.port),
            ]
            for peer in peers {
                peer.call("Large", 200_000)
                #expect(try await eventually { server.heldAnswerByteCount > 200_000 })
                peer.call("Large", 1, times: 27, padding: 16_000)
            }
            #expect(try await eventually { peers.contains { $0.now.isClosed } })
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let echoed: RPCResponse<BytesValue> = try await client.unary(
                "/test.Peer/Echo", BytesValue(Data(count: 100_000)), timeout: .seconds(20))
            #expect(echoed.message.value.count == 100_000)
            await client.shutdown()
            for peer in peers { await peer.close() }
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("do not end their connection if the block has ended")
        func wholeBlock() async throws {
            let server = try await PeerServer.start { $0.slowRequestTimeout = .milliseconds(100) }
            let peer = try await RawPeer.connect(server.port, window: 1 << 20)
            peer.call("Large", 10)
            #expect(try await eventually { peer.now.ended == 1 })
            // Longer than the deadline of a block, by several ticks.
            try await Task.sleep(for: .milliseconds(500))
            #expect(!peer.now.isClosed)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("do not keep the last connections while they wait for their client")
        func stuckCalls() async throws {
            let server = try await PeerServer.start {
                $0.maxConnections = 4
                $0.maxConnectionsPerAddress = 4
                $0.idleTimeout = .milliseconds(400)
            }
            var peers: [RawPeer] = []
            for _ in 0..<3 {
                let peer = try await RawPeer.connect(server.port)  // with a window of nothing
                peer.call("Large", 100)
                peers.append(peer)
            }
            #expect(try await eventually { peers.contains { $0.now.isClosed } })
            #expect(peers.contains { $0.now.goAway == 11 })
            for peer in peers { await peer.close() }
            await server.shutdown(deadline: .seconds(5))
        }

        @Test(
            "leave connections to others than two addresses or one IPv6 customer"
        )
        func addresses() throws {
            var configuration = RPCServer.Configuration()
            configuration.maxConnections = 128
            let core = ServerCore(configuration, methods: MethodTable([]))
            func admitted(_ addresses: [String], times: Int) throws -> Int {
                try (0..<times).reduce(0) { count, number in
                    let peer = PeerAddress(
                        try SocketAddress(ipAddress: addresses[number % addresses.count], port: 1))
                    return count + (core.connections.admit(peer) == nil ? 0 : 1)
                }
            }
            let network = (1...100).map { "2001:db8:1:2::\($0)" }
            #expect(try admitted(network, times: 200) == 64)
            #expect(try admitted(["10.0.0.1", "::ffff:10.0.0.2"], times: 200) == 48)
            // The last 16 connections, two for each address.
            #expect(try admitted(["10.0.0.3"], times: 10) == 2)
            #expect(try admitted(["2001:db8:1:3::1"], times: 10) == 2)
            #expect(try admitted((4..<100).map { "10.0.0.\($0)" }, times: 96) == 12)
        }

        @Test("keep their connection while a handler has not answered")
        func runningCall() async throws {
            let counters = Counters()
            let server = try await PeerServer.start(counters) {
                $0.maxConnections = 2
                $0.maxConnectionsPerAddress = 2
                $0.idleTimeout = .milliseconds(100)
            }
            let peers = [
                try await RawPeer.connect(server.port), try await RawPeer.connect(server.port),
            ]
            for peer in peers { peer.call("Hold", 0) }
            #expect(try await eventually { counters.held.load(ordering: .relaxed) == 2 })
            try await Task.sleep(for: .milliseconds(600))
            #expect(!peers.contains { $0.now.isClosed })
            for peer in peers { await peer.close() }
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("leave nothing in memory after a stream has ended")
        func endedStream() async throws {
            let last = Mutex(Weak<ServerStream>(nil))
            let server = try await RPCServer.start(
                RPCServer.Configuration(),
                methods: [
                    .serverStreaming("/test.Peer/Fail") { (_: Empty, stream) in
                        last.withLock { $0 = Weak(stream) }
                        throw RPCError(.aborted, "at once")
                    }
                ])
            let peer = try await RawPeer.connect(server.port, window: 1 << 20)
            peer.call("Fail", 0)
            #expect(try await eventually { peer.now.ended == 1 })
            // Well before a stream's room is released in any case, after a second.
            #expect(
                try await eventually(within: .milliseconds(700)) {
                    last.withLock { $0.value == nil }
                })
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test(
            "keep their connection if they ran when the client had too much to read"
        )
        func answersOfRunningCalls() async throws {
            let started = Mutex<[ServerCall]>([])
            let limit = 64 << 20
            var configuration = RPCServer.Configuration()
            configuration.initialHeaders = ["server-id": "test-server"]
            configuration.maxUnsentAnswerByteCount = limit
            let server = try await RPCServer.start(
                configuration,
                methods: [
                    .unary("/test.Peer/Hold", on: .eventLoop) { (_: Empty, call) in
                        started.withLock { $0.append(call) }
                    },
                    .unary("/test.Peer/Large") { (request: Int64Value, call) in
                        call.reply(BytesValue(Data(count: Int(request.value))))
                    },
                ])
            let peer = try await RawPeer.connect(server.port, socketByteCount: 4_096)
            let count = 900
            peer.call("Hold", 0, times: count)
            #expect(try await eventually { started.withLock { $0.count } == count })
            let large = peer.call("Large", UInt64(limit + 1))
            #expect(
                try await eventually(within: .seconds(20)) { server.heldAnswerByteCount > limit })
            try await peer.stopReading()
            // More than the sockets hold, so that the rest waits in the server.
            for call in started.withLock({ $0 }) {
                call.fail(
                    .notFound, "", trailers: ["x": String(repeating: "x", count: 30_000)])
            }
            try await Task.sleep(for: .milliseconds(300))
            peer.open(large, 1)
            try await Task.sleep(for: .milliseconds(300))
            try await peer.startReading()
            #expect(try await eventually(within: .seconds(20)) { peer.now.ended == count })
            #expect(!peer.now.isClosed)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("leave nothing in memory after a server has ended, or could not start")
        func endedServer() async throws {
            let probe = try await startAndEnd()
            #expect(try await eventually { probe.withLock { $0.value == nil } })
        }

        /// Starts a server and one that fails to start, and ends the first. Returns the object that
        /// their handlers held.
        private func startAndEnd() async throws -> Mutex<Weak<Probe>> {
            let probe = Probe()
            let methods: [RPCMethod] = [
                .unary("/test.Peer/Echo") { (request: BytesValue, call) in
                    withExtendedLifetime(probe) { call.reply(request) }
                }
            ]
            let server = try await RPCServer.start(RPCServer.Configuration(), methods: methods)
            var configuration = RPCServer.Configuration()
            configuration.port = server.port
            let error = try await failure {
                try await RPCServer.start(configuration, methods: methods)
            }
            #expect(error.code == .unavailable)
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let _: RPCResponse<BytesValue> = try await client.unary(
                "/test.Peer/Echo", BytesValue(Data([1])))
            await client.shutdown()
            await server.shutdown(deadline: .seconds(5))
            return Mutex(Weak(probe))
        }

        private final class Probe: Sendable {}
    }
}
