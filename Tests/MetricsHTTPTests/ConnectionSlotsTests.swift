import AsyncHTTPClient
import MetricsHTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import PrometheusMetrics
import Testing

@Suite("The connections of an endpoint of metrics")
struct ConnectionSlotsTests {
    private static let count = 16
    private static let group = MultiThreadedEventLoopGroup.singleton

    private func start(
        _ documents: [MetricsEndpoint.Document] = []
    ) async throws -> (MetricsEndpoint, Int) {
        let endpoint = MetricsEndpoint(
            PrometheusRegistry(), serverName: "test", maxConnectionCount: Self.count,
            documents: documents)
        endpoint.setReady(true)
        return (endpoint, try await endpoint.start(host: "127.0.0.1", port: 0))
    }

    /// A client that sends what it is told, and then nothing.
    private func connect(_ port: Int, sending text: String = "") async throws -> any Channel {
        let channel = try await ClientBootstrap(group: Self.group)
            .channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: port).get()
        if !text.isEmpty { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }
        return channel
    }

    /// Fetches a page on a connection of its own, as a probe does.
    private func status(_ port: Int, _ path: String = "/metrics") async throws -> UInt {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.headers.add(name: "connection", value: "close")
        // Far less than the 30 seconds after which an idle connection ends by itself.
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        _ = try await answer.body.collect(upTo: 16 << 20)
        return answer.status.code
    }

    @Test(
        "do not keep a scrape out, however many of them send nothing, or a head that does not end",
        arguments: ["", "GET /metrics HTTP/1.1\r\nHost: x\r\n"])
    func idle(text: String) async throws {
        let (endpoint, port) = try await start()
        var clients: [any Channel] = []
        for _ in 0..<3 * Self.count { clients.append(try await connect(port, sending: text)) }
        for _ in 0..<3 { #expect(try await status(port) == 200) }
        for client in clients { try? await client.close() }
        await endpoint.stop()
    }

    @Test("do not keep a scrape out if they ask for more than they read")
    func unread() async throws {
        let page = MetricsEndpoint.Document(path: "/large", contentType: "text/plain") {
            [UInt8](repeating: 0x20, count: 8 << 20)
        }
        let (endpoint, port) = try await start([page])
        var clients: [any Channel] = []
        for _ in 0..<2 * Self.count {
            clients.append(
                try await connect(port, sending: "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"))
        }
        for _ in 0..<3 { #expect(try await status(port) == 200) }
        #expect(try await status(port, "/large") == 200)
        for client in clients { try? await client.close() }
        await endpoint.stop()
    }

    @Test("end in the order in which they came to wait, and those that fit stay")
    func order() async throws {
        let (endpoint, port) = try await start()
        // One less than there is room for, since a new one needs a place before another ends.
        let fitting = Self.count - 1
        var clients: [any Channel] = []
        for _ in 0..<fitting { clients.append(try await connect(port)) }
        #expect(try await status(port) == 200)
        // The scrape has taken the place of the first one, and has left it.
        await #expect(throws: (any Error).self) { try await answer(on: clients[0]) }
        for client in clients.dropFirst() {
            #expect(try await answer(on: client).hasPrefix("HTTP/1.1 200"))
        }
        for client in clients { try? await client.close() }
        await endpoint.stop()
    }

    /// Asks on a connection, and returns the first bytes of the answer.
    private func answer(on channel: any Channel) async throws -> String {
        let found = channel.eventLoop.makePromise(of: String.self)
        channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(FirstBytes(found))
        }.whenFailure { found.fail($0) }
        let request = ByteBuffer(string: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        // Nobody may be there any more.
        channel.writeAndFlush(request, promise: nil)
        channel.setOption(.autoRead, value: true).whenFailure { found.fail($0) }
        return try await found.futureResult.get()
    }
}

/// Says what came first.
private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let found: EventLoopPromise<String>

    init(_ found: EventLoopPromise<String>) { self.found = found }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        found.succeed(String(buffer: unwrapInboundIn(data)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        found.fail(ChannelError.eof)
        context.fireChannelInactive()
    }
}
