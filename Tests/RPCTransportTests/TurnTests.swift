import Foundation
import NIOCore
import NIOEmbedded
import NIOPosix
import SwiftProtobuf
import Synchronization
import Testing

@testable import RPCTransport

extension NetworkTests {
    /// Connections of one event loop take turns, whatever one of them asks for.
    @Suite("Turns of an event loop")
    struct TurnTests {
        /// The largest write to a socket, and the most that was written in a cycle of the loop.
        final class Writes: Sendable {
            let largest = Atomic(0)
            let mostInTurn = Atomic(0)
        }

        private final class WriteRecorder: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer

            private let writes: Writes
            private var inTurn = 0

            init(_ writes: Writes) { self.writes = writes }

            func write(
                context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
            ) {
                let count = unwrapOutboundIn(data).readableBytes
                writes.largest.max(count, ordering: .relaxed)
                if inTurn == 0 {
                    context.eventLoop.assumeIsolated().execute { self.inTurn = 0 }
                }
                inTurn += count
                writes.mostInTurn.max(inTurn, ordering: .relaxed)
                context.write(data, promise: promise)
            }
        }

        @Test("share a millisecond of a cycle among pieces of work, in order")
        func loopTurns() {
            let loop = EmbeddedEventLoop()
            var ringCount = 0
            let turns = LoopTurns(loop) { ringCount += 1 }
            func work(for time: TimeAmount) {
                let end = NIODeadline.now() + time
                while .now() < end {}
            }
            for _ in 0..<3 {
                #expect(turns.runNow { work(for: .milliseconds(1)) })
                #expect(!turns.runNow {})
                loop.run()  // the end of the cycle
            }
            #expect(ringCount == 0)
            var served: [Int] = []
            for number in 0..<20 {
                turns.wait {
                    served.append(number)
                    work(for: .milliseconds(number % 4 == 3 ? 1 : 0))
                }
            }
            // A later client does not overtake them.
            turns.run { served.append(20) }
            loop.run()
            #expect(served.isEmpty)
            for count in [4, 8, 12, 16, 20, 21] {
                ringCount = 0
                turns.takeTurns()
                #expect(served == Array(0..<count))
                #expect(ringCount == (count == 21 ? 0 : 1))
            }
            loop.run()
            #expect(turns.runNow {})
        }

        @Test("let work that only waits for the sockets pass all that waits for a turn")
        func afterLook() {
            let turns = LoopTurns(EmbeddedEventLoop()) {}
            var served: [Int] = []
            for number in 0..<3 { turns.wait { served.append(number) } }
            turns.runAfterLook { served.append(9) }
            #expect(served.isEmpty)
            turns.takeTurns()
            #expect(served == [9, 0, 1, 2])
        }

        @Test("move work that causes more work to the next cycle")
        func repeatedWork() {
            let turns = LoopTurns(EmbeddedEventLoop()) {}
            var count = 0
            func work() {
                count += 1
                turns.wait(work)
            }
            turns.wait(work)
            for cycle in 1...3 {
                turns.takeTurns()
                #expect(count == cycle)
            }
        }

        @Test(
            "do not give the loop to work that starts more work and looks at no clock")
        func nestedWork() {
            let turns = LoopTurns(EmbeddedEventLoop()) {}
            var count = 0
            func work() {
                count += 1
                if count < 1000 { turns.run(work) }
            }
            turns.run(work)
            for cycle in 1...3 {
                #expect(count == cycle)
                turns.takeTurns()
            }
        }

        @Test("finish all waiting work before the loop ends, and queue nothing afterwards")
        func finish() {
            let loop = EmbeddedEventLoop()
            let turns = LoopTurns(loop) {}
            var served: [Int] = []
            for number in 0..<3 { turns.wait { served.append(number) } }
            turns.finish()
            #expect(served == [0, 1, 2])
            turns.wait { served.append(3) }
            loop.run()
            #expect(served == [0, 1, 2, 3])
        }

        @Test(
            "ring the bell after a poll of the sockets, once for all that asked before"
        )
        func bell() async throws {
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            final class Heard: Sendable { let count = Atomic(0) }
            let heard = Heard()
            let bell = try await loop.flatSubmit {
                LoopBell.hang(on: loop) { heard.count.add(1, ordering: .relaxed) }
                    .assumeIsolated()
                    .map { NIOLoopBound($0, eventLoop: loop) }
                    .nonisolated()
            }.get()
            for round in 1...3 {
                try await loop.submit {
                    for _ in 0..<5 { bell.value.ring() }
                }.get()
                #expect(try await eventually { heard.count.load(ordering: .relaxed) == round })
            }
            // A system call on the pipe fails, but the wake-up arrives.
            try await loop.submit {
                bell.value.ring()
                bell.value.close()
            }.get()
            #expect(try await eventually { heard.count.load(ordering: .relaxed) >= 4 })
            let count = heard.count.load(ordering: .relaxed)
            try await loop.submit { bell.value.ring() }.get()
            #expect(try await eventually { heard.count.load(ordering: .relaxed) == count + 1 })
        }

        @Test(
            "give a client that reads as fast as it can at most two writes of a quarter MiB a cycle"
        )
        func fastReader() async throws {
            let writes = Writes()
            let server = try await PeerServer.start {
                $0.eventLoopThreadCount = 1
                $0.channelHook = {
                    try $0.pipeline.syncOperations.addHandler(WriteRecorder(writes))
                }
            }
            let peer = try await RawPeer.connect(server.port, window: 1 << 30)
            let byteCount = 24 << 20
            let stream = peer.call("Sized", UInt64(byteCount))
            peer.open(stream, 1 << 29)
            #expect(try await eventually(within: .seconds(20)) { peer.now.ended == 1 })
            #expect(peer.now.dataByteCount > byteCount)
            // The frame that fills a write, and the headers, are added to the limit.
            #expect(writes.largest.load(ordering: .relaxed) < (256 + 32) << 10)
            // One write when bytes come from the client, and one in its turn.
            #expect(writes.mostInTurn.load(ordering: .relaxed) < 2 * (256 + 32) << 10)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test(
            "end a connection with a block of references to one large field before it is decoded",
            arguments: ["usual": 0x61, "with a character that makes nghttp2 leave it out": 0])
        func headerBomb(kind: String, last: UInt8) async throws {
            let server = try await PeerServer.start()
            let peer = try await RawPeer.connect(server.port)
            peer.request(block: Self.largeField(last: last))
            // Refers to the first entry of the dynamic table 16,000 times: 48 MB.
            peer.request(block: [UInt8](repeating: 0xbe, count: 16_000))
            #expect(try await eventually { peer.now.isClosed })
            #expect(peer.now.goAway == 11)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        /// Encodes a literal with incremental indexing: "x", 3,000 bytes (RFC 7541, section 6.2.1).
        private static func largeField(last: UInt8 = 0x61) -> [UInt8] {
            [0x40, 1, 0x78, 0x7f, 0xb9, 0x16] + [UInt8](repeating: 0x61, count: 2_999) + [last]
        }

        @Test("end a connection with many blocks that are slightly too large")
        func manyLargeBlocks() async throws {
            let server = try await PeerServer.start()
            let peer = try await RawPeer.connect(server.port)
            peer.request(block: Self.largeField())
            // 84 KB each, which is five times the limit.
            let block = [UInt8](repeating: 0xbe, count: 28)
            for _ in 0..<20 { peer.request(block: block) }
            #expect(try await eventually { peer.now.resets == 21 })
            #expect(!peer.now.isClosed)
            for _ in 0..<100 { peer.request(block: block) }
            #expect(try await eventually { peer.now.isClosed })
            #expect(peer.now.goAway == 11)
            await peer.close()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("look for overdue calls less often if there are more calls")
        func lookingForOverdueCalls() async throws {
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            // Returns whether the bell rings again within `time`, among that many calls.
            func rings(within time: TimeAmount, among callCount: Int) async throws -> Bool {
                try await loop.submit {
                    var alarm = DeadlineAlarm()
                    alarm.rang()
                    let now = NIODeadline.now()
                    alarm.set(now, among: callCount, on: loop) {}
                    defer { alarm.cancel() }
                    return alarm.rings(by: now + time)
                }.get()
            }
            #expect(try await rings(within: .milliseconds(2), among: 10))
            #expect(try await !rings(within: .milliseconds(150), among: 10_000))
            #expect(try await rings(within: .milliseconds(250), among: 10_000))
        }
    }
}
