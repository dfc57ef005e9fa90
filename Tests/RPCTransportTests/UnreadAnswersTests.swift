import Foundation
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

@testable import RPCTransport

extension NetworkTests {
    @Suite("Unread answers")
    struct UnreadAnswersTests {
        private static let calm: UInt32 = 11
        private static let bound = 32 << 20
        private static let answer = 1 << 20

        private func withServer(
            _ configure: (inout RPCServer.Configuration) -> Void = { _ in },
            _ body: (RPCServer, RPCClient) async throws -> Void
        ) async throws {
            let server = try await PeerServer.start { configuration in
                configuration.maxHeldAnswerByteCount = Self.bound
                configure(&configuration)
            }
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            try await body(server, client)
            await client.shutdown()
            await server.shutdown(deadline: .seconds(5))
            #expect(server.heldAnswerByteCount == 0)
        }

        private func peers(
            _ count: Int, _ server: RPCServer, window: UInt32 = 0
        ) async throws -> [RawPeer] {
            var peers: [RawPeer] = []
            for _ in 0..<count { peers.append(try await .connect(server.port, window: window)) }
            return peers
        }

        private func close(_ peers: [RawPeer]) async {
            for peer in peers { await peer.close() }
        }

        /// Makes calls for a while, each as soon as the last answer has come. Returns their times.
        private func latencies(
            _ client: RPCClient, _ method: String, _ byteCount: Int, for span: Duration
        ) async throws -> [Duration] {
            let end = ContinuousClock.now + span
            var times: [Duration] = []
            while ContinuousClock.now < end {
                let began = ContinuousClock.now
                let answer: RPCResponse<BytesValue> = try await client.unary(
                    "/test.Peer/\(method)", Int64Value(Int64(byteCount)), timeout: .seconds(20))
                #expect(answer.message.value.count == byteCount)
                times.append(ContinuousClock.now - began)
                try await Task.sleep(for: .milliseconds(2))
            }
            return times.sorted()
        }

        /// Returns the most bytes that a server holds while `body` runs.
        private func mostHeld(
            _ server: RPCServer, _ body: () async throws -> Void
        ) async throws -> Int {
            let watch = Task {
                var most = 0
                while !Task.isCancelled {
                    most = max(most, server.heldAnswerByteCount)
                    try? await Task.sleep(for: .milliseconds(1))
                }
                return most
            }
            do {
                try await body()
            } catch {
                watch.cancel()
                throw error
            }
            watch.cancel()
            return await watch.value
        }

        @Test(
            "stay within the bound for twenty clients that ask for 1,000 MiB; others are served",
            arguments: ["Large", "Sized"])
        func bounded(method: String) async throws {
            try await withServer { server, client in
                let hostile = try await peers(20, server)
                let most = try await mostHeld(server) {
                    for peer in hostile { peer.call(method, UInt64(Self.answer), times: 50) }
                    let small = try await latencies(client, "Large", 10, for: .seconds(2))
                    #expect(small[small.count / 2] < .milliseconds(50), "\(small.suffix(5))")
                    #expect(try #require(small.last) < .seconds(2), "\(small.suffix(5))")
                    let large = try await latencies(client, method, Self.answer, for: .seconds(1))
                    #expect(try #require(large.last) < .seconds(2), "\(large.suffix(5))")
                }
                // Each worker thread may be making one answer without a reservation.
                #expect(most > Self.bound / 4 && most <= Self.bound + 2 * Self.answer, "\(most)")
                await close(hostile)
                #expect(try await eventually { server.heldAnswerByteCount == 0 })
            }
        }

        @Test("include small ones")
        func smallAnswers() async throws {
            try await withServer {
                $0.maxHeldAnswerByteCount = 2 << 20
            } _: { server, client in
                let hostile = try await peers(50, server)
                let most = try await mostHeld(server) {
                    for peer in hostile { peer.call("Large", 3_000, times: 1_000) }
                    _ = try await latencies(client, "Large", 3_000, for: .seconds(2))
                }
                // 143 MiB were requested. Each connection starts 64 before the size is known.
                #expect(most > 512 << 10 && most < 16 << 20, "\(most)")
                await close(hostile)
                #expect(try await eventually { server.heldAnswerByteCount == 0 })
            }
        }

        @Test(
            "do not delay the trailers of a stream at its deadline",
            arguments: [0, 1_000])
        func deadlineOfAnUnreadStream(window: UInt32) async throws {
            try await withServer { server, _ in
                let peer = try await RawPeer.connect(server.port, window: window)
                peer.call("Endless", 64 << 10, times: 3, timeout: "300m")
                #expect(try await eventually { peer.now.ended == 3 })
                // A message now would come after the trailers.
                try await Task.sleep(for: .milliseconds(50))
                #expect(peer.now.resets == 0)
                #expect(peer.now.dataByteCount == 3 * Int(window))
                #expect(!peer.now.isClosed)
                await peer.close()
            }
        }

        @Test(
            "do not keep a handler running after its stream's deadline, whatever it waits for",
            arguments: [0, 1_000])
        func deadlineOfASilentStream(window: UInt32) async throws {
            let counters = Counters()
            let server = try await PeerServer.start(counters)
            let peer = try await RawPeer.connect(server.port, window: window)
            peer.call("Silent", 1, times: 20, timeout: "200m")
            #expect(try await eventually { peer.now.ended == 20 })
            // The client never resets them.
            #expect(
                try await eventually { counters.streamsEnded.load(ordering: .relaxed) == 20 })
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("let only a few streams begin at a time")
        func streams() async throws {
            try await withServer { server, client in
                let hostile = try await peers(10, server)
                let most = try await mostHeld(server) {
                    for peer in hostile { peer.call("Endless", UInt64(Self.answer), times: 200) }
                    _ = try await latencies(client, "Large", 10, for: .seconds(2))
                }
                #expect(most > 5 << 20 && most < 2 * Self.bound, "\(most)")
                await close(hostile)
                #expect(try await eventually { server.heldAnswerByteCount == 0 })
            }
        }

        @Test("end the connection of silent clients when there is no room, but not of slow ones")
        func eviction() async throws {
            let closed = Mutex(RPCServer.ClosedConnections())
            try await withServer {
                $0.unreadAnswerTimeout = .seconds(2)
                $0.shortage = { shortage in
                    guard case .didNotRead(let now) = shortage else { return }
                    closed.withLock {
                        $0.connectionCount += now.connectionCount
                        $0.byteCount += now.byteCount
                        $0.peerAddress = now.peerAddress
                    }
                }
            } _: { server, client in
                let slow = try await RawPeer.connect(server.port)
                let stream = slow.call("Sized", UInt64(4 * Self.answer))
                slow.open(stream, 65_536)
                #expect(try await eventually { slow.now.dataByteCount > 60_000 })
                let hostile = try await peers(10, server)
                for peer in hostile { peer.call("Sized", UInt64(Self.answer), times: 50) }
                // 64 KiB in 100 ms: the whole answer takes more than three times the timeout.
                while slow.now.ended == 0, !slow.now.isClosed {
                    try await Task.sleep(for: .milliseconds(100))
                    slow.open(stream, 65_536)
                }
                #expect(slow.now.dataByteCount > 4 * Self.answer && slow.now.ended == 1)
                let gone = hostile.filter { $0.now.isClosed }
                #expect(!gone.isEmpty && gone.allSatisfy { $0.now.goAway == Self.calm })
                let report = closed.withLock { $0 }
                #expect(report.connectionCount >= gone.count)
                #expect(report.byteCount >= gone.count * Self.answer)
                #expect(report.peerAddress.hasPrefix("127.0.0.1:"))
                #expect(try await eventually { server.heldAnswerByteCount <= Self.bound / 2 })
                await close(hostile + [slow])
            }
        }

        @Test("do not end a slow download that continues, however long the socket is full")
        func slowDownload() async throws {
            try await withServer {
                $0.stalledWriteTimeout = .seconds(1)
                // The kernel takes less than a turn at a time, so the socket is always full.
                $0.channelHook = {
                    try $0.syncOptions?.setOption(.socketOption(.so_sndbuf), value: 32 << 10)
                }
            } _: { server, client in
                let peer = try await RawPeer.connect(
                    server.port, window: 1 << 30, socketByteCount: 32 << 10)
                try await peer.stopReading()
                let stream = peer.call("Sized", UInt64(16 * Self.answer))
                peer.open(stream, 1 << 29)
                let began = ContinuousClock.now
                var byteCount = 0
                while ContinuousClock.now - began < .seconds(4) {
                    peer.readSome()
                    try await Task.sleep(for: .milliseconds(5))
                    byteCount = peer.now.dataByteCount
                }
                #expect(!peer.now.isClosed && byteCount < 16 * Self.answer, "\(byteCount)")
                #expect(byteCount > 2 * Self.answer, "\(byteCount)")
                await peer.close()
            }
        }

        @Test("make large answers wait for room until silent clients are disconnected")
        func waitingForRoom() async throws {
            try await withServer {
                $0.unreadAnswerTimeout = .seconds(5)
            } _: { server, client in
                // They read something first, so that all of the room is available to them.
                let hostile = try await peers(8, server, window: 1_000)
                for peer in hostile { peer.call("Large", 10) }
                #expect(try await eventually { hostile.allSatisfy { $0.now.ended == 1 } })
                for peer in hostile { peer.call("Sized", UInt64(4 * Self.answer) - 100) }
                #expect(try await eventually { server.heldAnswerByteCount > Self.bound * 3 / 4 })
                let time = try await latencies(
                    client, "Sized", 8 * Self.answer, for: .milliseconds(1))
                #expect(try #require(time.last) < .seconds(5), "\(time)")
                #expect(hostile.contains { $0.now.goAway == Self.calm })
                await close(hostile)
            }
        }

        @Test("leave nothing behind if their requests are cancelled while they wait")
        func cancelledWhileWaiting() async throws {
            try await withServer {
                $0.resetBurst = 100_000
            } _: { server, client in
                let peer = try await RawPeer.connect(server.port)
                peer.call("Sized", UInt64(8 * Self.answer))
                #expect(try await eventually { server.heldAnswerByteCount >= 8 * Self.answer })
                try await growing(byLessThan: 64 << 20) {
                    for _ in 0..<40 {  // 160 MB in all
                        let first = peer.call("Large", 1, times: 250, padding: 16_000)
                        peer.cancel(from: first, times: 250)
                        _ = try await latencies(client, "Large", 1, for: .milliseconds(30))
                    }
                }
                #expect(!peer.now.isClosed)
                await peer.close()
            }
        }
    }
}
