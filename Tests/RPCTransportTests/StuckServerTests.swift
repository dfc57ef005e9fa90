import Foundation
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

@testable import RPCTransport

extension NetworkTests {
    @Suite("A client of a server that hangs")
    struct StuckServerTests {
        /// Makes SETTINGS that let a client open `streams` streams at a time, with the largest
        /// window.
        private static func settings(streams: UInt32) -> [UInt8] {
            RawFrame.frame(
                4, [0, 3] + RawFrame.number(streams) + [0, 4] + RawFrame.number(0x7fff_ffff))
        }

        private static let largestWindow = RawFrame.frame(8, RawFrame.number(0x7000_0000))

        private func client(
            _ server: HostileServer, _ configure: (inout RPCClient.Configuration) -> Void = { _ in }
        ) -> RPCClient {
            var configuration = RPCClient.Configuration(host: "127.0.0.1", port: server.port)
            configure(&configuration)
            return RPCClient(configuration)
        }

        private func echo(
            _ client: RPCClient, _ content: Data = Data([1]), timeout: Duration? = nil
        ) async throws {
            let _: RPCResponse<BytesValue> = try await client.unary(
                "/test.Peer/Echo", BytesValue(content), timeout: timeout)
        }

        /// Starts a call without a task, which would keep the objects that it calls with.
        private func start(
            _ client: RPCClient, deadline: NIODeadline? = nil
        ) -> (request: Weak<ClientRequest>, receiver: UnaryReceiver) {
            let receiver = UnaryReceiver()
            let request = ClientRequest(
                path: "/test.Peer/Echo", message: RawFrame.message([1]),
                metadata: [:], deadline: deadline, receiver: .unary(receiver))
            client.dispatcher.post(.start(request))
            return (Weak(request), receiver)
        }

        @Test(
            "forgets a call that was given up before the server allowed its stream",
            arguments: [0, 1] as [UInt32], [StatusCode.cancelled, .deadlineExceeded])
        func givenUp(streams: UInt32, code: StatusCode) async throws {
            let server = try await HostileServer.start { connection, event in
                switch event {
                case .opened: connection.send(Self.settings(streams: streams))
                case .request(let stream):
                    // The first call stays; the second is cancelled.
                    if stream == 5 { connection.send(RawFrame.answer(stream)) }
                }
            }
            let client = client(server)
            let first = Task { try await echo(client) }
            // The client submits the waiting calls before it acknowledges.
            #expect(try await eventually { server.seen.settingsAcknowledgementCount == 1 })

            let deadline = code == .cancelled ? nil : NIODeadline.now() + .milliseconds(20)
            let (request, receiver) = start(client, deadline: deadline)
            if code == .cancelled, let request = request.value {
                client.dispatcher.post(.cancel(request))
            }
            let error = try await failure {
                try await withCheckedThrowingContinuation { receiver.install($0) }
            }
            #expect(error.code == code && error.requestFate == .notProcessed)
            #expect(try await eventually { request.value == nil })

            // The connection is usable, and the cancelled call is never sent.
            try await server.withConnections { $0.send(Self.settings(streams: 100)) }
            try await echo(client, timeout: .seconds(10))
            #expect(server.seen.requestCount == 2)
            #expect(server.seen.openings.count == 1)
            await client.shutdown()
            _ = try await failure { try await first.value }
            await server.stop()
        }

        @Test("leaves a connection on which a thousand calls without a stream were given up")
        func manyGivenUp() async throws {
            let server = try await HostileServer.start { connection, event in
                if case .opened = event { connection.send(Self.settings(streams: 0)) }
            }
            let client = client(server)
            let calls = (0..<1_000).map { _ in
                start(client, deadline: .now() + .milliseconds(500))
            }
            #expect(try await eventually { server.seen.closedCount == 1 })
            #expect(server.seen.openings.count == 1)
            #expect(try await eventually { calls.allSatisfy { $0.request.value == nil } })
            await client.shutdown()
            await server.stop()
        }

        @Test("keeps its connection while thousands of its calls wait for the server to read")
        func manyWaiting() async throws {
            let server = try await HostileServer.start { connection, event in
                switch event {
                case .opened: connection.send(Self.settings(streams: 1) + Self.largestWindow)
                case .request(1): connection.setReading(false)
                case .request(let stream): connection.send(RawFrame.answer(stream))
                }
            }
            let tap = ReadTap()
            let opened = Mutex<(any Channel)?>(nil)
            let client = client(server) {
                $0.channelHook = { channel in
                    try channel.pipeline.syncOperations.addHandler(tap)
                    opened.withLock { $0 = channel }
                }
            }
            // More than the sockets take.
            let large = Task { try await echo(client, Data(count: 32 << 20)) }
            #expect(try await eventually { opened.withLock { $0?.isWritable } == false })
            let receivers = (0..<9_000).map { _ in start(client).receiver }
            // After they have arrived on the client's event loop.
            try await client.dispatcher.eventLoop.submit {}.get()

            let before = tap.readCount
            try await server.withConnections {
                $0.send(RawFrame.frame(6, [1, 2, 3, 4, 5, 6, 7, 8]))
            }
            #expect(try await eventually { tap.readCount > before })
            try await server.withConnections {
                $0.send(Self.settings(streams: 100) + RawFrame.answer(1))
                $0.setReading(true)
            }
            try await large.value
            for receiver in receivers {
                _ = try await withCheckedThrowingContinuation { receiver.install($0) }
            }
            #expect(server.seen.openings.count == 1)
            await client.shutdown()
            await server.stop()
        }

        @Test("leaves a server that gives no sign of life after a call has passed its deadline")
        func silent() async throws {
            let server = try await HostileServer.start { connection, event in
                if case .opened = event { connection.send(RawFrame.settings) }
            }
            let client = client(server) {
                $0.suspicion = .zero
                $0.keepaliveTimeout = .milliseconds(100)
            }
            let patient = Task { try await echo(client) }
            #expect(try await eventually { server.seen.requestCount == 1 })
            #expect(server.seen.pingCount == 0)
            let late = try await failure { try await echo(client, timeout: .milliseconds(100)) }
            #expect(late.code == .deadlineExceeded)
            #expect(try await eventually { server.seen.closedCount == 1 })
            #expect(server.seen.pingCount == 1)
            await client.shutdown()
            let cut = try await failure { try await patient.value }
            #expect(cut.message.hasSuffix("no sign of life within 100 ms"), "\(cut)")
            await server.stop()
        }

        @Test("leaves a server that has stopped reading")
        func unreading() async throws {
            let server = try await HostileServer.start { connection, event in
                switch event {
                case .opened: connection.send(Self.settings(streams: 1) + Self.largestWindow)
                case .request: connection.setReading(false)
                }
            }
            let client = client(server) {
                $0.stalledWriteTimeout = .milliseconds(300)
                $0.keepaliveTimeout = .milliseconds(100)
            }
            // More than the sockets take.
            let error = try await failure {
                try await echo(client, Data(count: 32 << 20), timeout: .seconds(10))
            }
            #expect(error.code == .unavailable && error.requestFate == .mayHaveBeenProcessed)
            #expect(error.message.hasSuffix("the server has stopped reading"), "\(error)")
            await client.shutdown()
            await server.stop()
        }
    }
}

struct Weak<Value: AnyObject> {
    weak var value: Value?

    init(_ value: Value?) { self.value = value }
}

/// Counts the reads that a client's connection has processed.
private final class ReadTap: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let count = Atomic(0)
    var readCount: Int { count.load(ordering: .relaxed) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireChannelRead(data)
        count.add(1, ordering: .relaxed)
    }
}
