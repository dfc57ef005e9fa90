import NIOCore
import Synchronization
import Testing

@testable import RPCTransport

extension NetworkTests {
    /// Clients that ask without end, leave messages unfinished, or do not read.
    @Suite("Conversations")
    struct ConversationTests {
        /// Encodes the protobuf `Int64Value` of a number below 16,384.
        private static func question(_ number: Int) -> [UInt8] {
            RawPeer.message([8, UInt8(number & 0x7f | 0x80), UInt8(number >> 7)])
        }

        @Test("have one answer in flight each if the client does not read, however much it asks")
        func unread() async throws {
            let counters = Counters()
            let server = try await PeerServer.start(counters)
            let peer = try await RawPeer.connect(server.port)
            let streams = (0..<50).map { _ in peer.begin("Converse") }
            for stream in streams {
                peer.data(stream, (0..<100).flatMap { _ in Self.question(1_000) })
            }
            #expect(try await eventually { counters.questions.load(ordering: .relaxed) == 50 })
            try await Task.sleep(for: .milliseconds(200))
            #expect(counters.questions.load(ordering: .relaxed) == 50)
            // Reading an answer makes room for the next one.
            peer.open(streams[0], 100 * 1_008)
            #expect(try await eventually { counters.questions.load(ordering: .relaxed) == 149 })
            #expect(try await eventually { peer.now.dataByteCount == 100 * 1_008 })
            await peer.close()
            #expect(try await eventually { server.connectionCount == 0 })
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("end after more questions than are held")
        func tooMany() async throws {
            let server = try await PeerServer.start()
            let peer = try await RawPeer.connect(server.port)
            let stream = peer.begin("Converse")
            for _ in 0..<9 {
                peer.data(stream, (0..<1_000).flatMap { _ in Self.question(1_000) })
            }
            #expect(try await eventually { peer.now.ended == 1 })
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("end when a held question makes no progress", arguments: [true, false])
        func keptBack(isHalf: Bool) async throws {
            let server = try await PeerServer.start { $0.slowRequestTimeout = .milliseconds(300) }
            let peer = try await RawPeer.connect(server.port)
            let stream = peer.begin("Converse")
            if isHalf {
                peer.data(stream, Array(Self.question(7).dropLast()))
            } else {
                peer.data(stream, Self.question(1_000) + Self.question(1_000))  // not read
            }
            #expect(try await eventually { peer.now.ended == 1 })
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("stay after all questions are answered, until a stopping server ends them at once")
        func atRest() async throws {
            let counters = Counters()
            let server = try await PeerServer.start(counters) {
                $0.slowRequestTimeout = .milliseconds(200)
            }
            let peer = try await RawPeer.connect(server.port, window: 1 << 20)
            let streams = (0..<10).map { _ in peer.begin("Converse") }
            for stream in streams { peer.data(stream, Self.question(5)) }
            #expect(try await eventually { counters.questions.load(ordering: .relaxed) == 10 })
            try await Task.sleep(for: .seconds(1))
            #expect(peer.now.ended == 0)
            let clock = ContinuousClock()
            let began = clock.now
            await server.shutdown(deadline: .seconds(30))
            #expect(clock.now - began < .seconds(10))
            #expect(peer.now.ended == 10)
            await peer.close()
        }

        @Test("do not keep the last connections while they rest")
        func shortOfConnections() async throws {
            let server = try await PeerServer.start {
                $0.maxConnections = 4
                $0.maxConnectionsPerAddress = 4
                $0.idleTimeout = .milliseconds(400)
            }
            var peers: [RawPeer] = []
            for _ in 0..<3 {
                let peer = try await RawPeer.connect(server.port, window: 1 << 20)
                peer.data(peer.begin("Converse"), Self.question(5))
                peers.append(peer)
            }
            #expect(try await eventually { peers.contains { $0.now.isClosed } })
            #expect(peers.contains { $0.now.goAway == 11 })
            for peer in peers { await peer.close() }
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("end correctly within a question, and after a pending one")
        func ends() async throws {
            let counters = Counters()
            let server = try await PeerServer.start(counters)
            let peer = try await RawPeer.connect(server.port)
            peer.data(peer.begin("Converse"), [0, 0], ends: true)
            #expect(try await eventually { peer.now.ended == 1 })
            let stream = peer.begin("Converse")
            peer.data(stream, Self.question(1_000) + Self.question(1_000), ends: true)
            #expect(try await eventually { counters.questions.load(ordering: .relaxed) == 1 })
            peer.open(stream, 1 << 20)
            #expect(try await eventually { peer.now.ended == 2 })
            #expect(counters.questions.load(ordering: .relaxed) == 2)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("are refused by an interceptor before a question is read")
        func interceptor() async throws {
            let counters = Counters()
            let server = try await PeerServer.start(counters) {
                $0.interceptor = { (_: ServerCall) throws(RPCError) in
                    throw RPCError(.permissionDenied, "no")
                }
            }
            let peer = try await RawPeer.connect(server.port, window: 1 << 20)
            peer.data(peer.begin("Converse"), Self.question(5))
            #expect(try await eventually { peer.now.ended == 1 })
            #expect(counters.questions.load(ordering: .relaxed) == 0)
            #expect(peer.now.dataByteCount == 0)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }
    }
}
