import Dispatch
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

@testable import RPCTransport

extension NetworkTests {
    /// The waits of others while a handler, or an event loop, is blocked.
    @Suite("A server with a blocked thread")
    struct BlockedThreadTests {
        /// Handlers that block, each until its number is released.
        private final class Gates: Sendable {
            private let gates = (0..<4).map { _ in DispatchSemaphore(value: 0) }
            private let entered = Atomic(0)

            var enteredCount: Int { entered.load(ordering: .relaxed) }

            var methods: [RPCMethod] {
                [
                    .unary("/test.Peer/Block") { (request: Int64Value, call) in
                        self.wait(Int(request.value))
                        call.reply(request)
                    },
                    .unary("/test.Peer/BlockLoop", on: .eventLoop) { (request: Int64Value, call) in
                        self.wait(Int(request.value))
                        call.reply(request)
                    },
                ]
            }

            func open(_ number: Int) { gates[number].signal() }

            private func wait(_ number: Int) {
                entered.add(1, ordering: .relaxed)
                gates[number].wait()
            }
        }

        private func withServer(
            configure: (inout RPCServer.Configuration) -> Void = { _ in },
            _ body: (RPCServer, Gates) async throws -> Void
        ) async throws {
            let gates = Gates()
            var configuration = RPCServer.Configuration()
            configuration.eventLoopThreadCount = 1
            configuration.workerThreadCount = 1
            configure(&configuration)
            let server = try await RPCServer.start(
                configuration, methods: PeerServer.methods(Counters()) + gates.methods)
            do {
                try await body(server, gates)
            } catch {
                for number in 0..<4 { gates.open(number) }
                throw error
            }
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("sends an answer without waiting for a handler that blocks later in its batch")
        func answerBeforeBlockedHandler() async throws {
            try await withServer { server, gates in
                let peer = try await RawPeer.connect(server.port, window: 1 << 20)
                peer.call("Block", 1)
                #expect(try await eventually { gates.enteredCount == 1 })
                // Both wait for the only worker, which takes them as one batch.
                peer.call("Large", 10)
                peer.call("Block", 2)
                peer.call("EchoInline", 0)
                #expect(try await eventually { peer.now.ended == 1 })
                gates.open(1)
                #expect(try await eventually { gates.enteredCount == 2 })
                #expect(try await eventually { peer.now.ended == 3 }, "the answer of Large is held")
                gates.open(2)
                #expect(try await eventually { peer.now.ended == 4 })
                await peer.close()
            }
        }

        @Test("counts cancelled calls in the queue until the queue drops them")
        func cancelledInQueue() async throws {
            try await withServer {
                $0.resetBurst = 1_000
            } _: { server, gates in
                let peer = try await RawPeer.connect(server.port, window: 1 << 20)
                // After that the server expects small answers, and admits all of the next calls.
                peer.call("Large", 10, times: 100)
                #expect(try await eventually { peer.now.ended == 100 })
                peer.call("Block", 1)
                #expect(try await eventually { gates.enteredCount == 1 })
                let count = 200
                let first = peer.call("Large", 10, times: count)
                peer.cancel(from: first, times: count)
                peer.call("EchoInline", 0)
                #expect(try await eventually { peer.now.ended == 101 })
                let held = server.heldRequestByteCount
                #expect(held >= count * Admission.callByteCount, "\(held)")
                gates.open(1)
                await peer.close()
                #expect(try await eventually { server.heldRequestByteCount == 0 })
            }
        }

        @Test("accepts few connections for a blocked event loop, and all once it continues")
        func acceptingForBlockedLoop() async throws {
            try await withServer {
                $0.eventLoopThreadCount = 2
            } _: { server, gates in
                // Connections are assigned to the loops in turn, and the first loop listens.
                let first = try await RawPeer.connect(server.port, window: 1 << 20)
                first.call("BlockLoop", 1)
                #expect(try await eventually { gates.enteredCount == 1 })
                var peers = [first]
                for _ in 0..<100 { peers.append(try await .connect(server.port)) }
                #expect(try await eventually { server.connectionCount > 4 })
                try await Task.sleep(for: .milliseconds(300))
                #expect(server.connectionCount < 30, "\(server.connectionCount)")
                gates.open(1)
                #expect(try await eventually { server.connectionCount == peers.count })
                for peer in peers { await peer.close() }
            }
        }

        @Test("refuses the calls of a flood in a full queue, but none of a client with a few")
        func othersBesideFlood() async throws {
            try await withServer {
                $0.workerQueueCapacity = 16
            } _: { server, gates in
                let flood = try await RawPeer.connect(server.port, window: 1 << 20)
                let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
                for _ in 0..<200 {
                    flood.call("Large", 10, times: 64)
                    let answer: RPCResponse<BytesValue> = try await client.unary(
                        "/test.Peer/Large", Int64Value(1), timeout: .seconds(20))
                    #expect(answer.message.value.count == 1)
                }
                await client.shutdown()
                await flood.close()
            }
        }
    }
}

@Suite("Clients that read next to nothing")
struct SilentReaderTests {
    @Test("are silent if they read less than a 64th of what there is to read")
    func progress() {
        let account = ConnectionAccount(ServerAccount(Admission(RPCServer.Configuration())))
        var unread = UnreadAnswers(account)
        let whole = 4 << 20
        unread.count(unsent: whole, queued: 0)
        let began = unread.silentSince
        #expect(began != nil)
        // A drip of 8 KiB, which counted as reading in an earlier version.
        for number in 1...7 {
            unread.framedByteCount += 8 << 10
            unread.count(unsent: whole - number * 8 << 10, queued: 0)
            let since = unread.silentSince
            #expect(since == began)
        }
        unread.framedByteCount += 64 << 10
        unread.count(unsent: whole - 120 << 10, queued: 0)
        let since = unread.silentSince
        #expect(since != began && since != nil)
        unread.count(unsent: 0, queued: 0)
        let none = unread.silentSince
        #expect(none == nil)
    }
}
