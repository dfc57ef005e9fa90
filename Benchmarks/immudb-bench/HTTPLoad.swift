import NIOCore
import NIOHTTP1
import NIOPosix

/// A load of HTTP/1.1 requests over connections that stay open, with one request in flight on each. All connections
/// share one event loop: little beside the servers, whose CPU time is measured.
final class HTTPLoad: Sendable {
    struct Request: Sendable {
        var method: HTTPMethod
        var path: String
        var body = ""
    }

    struct Answer: Sendable {
        var head: HTTPResponseHead
        var body: ByteBuffer
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let loop: any EventLoop
    private let progress: NIOLoopBound<Progress>

    /// Connects; waits up to ten seconds for the server to listen.
    ///
    /// - Parameter request: request number n.
    init(
        port: Int, connections: Int, request: @escaping @Sendable (UInt64) -> Request
    ) async throws {
        let loop = group.next()
        self.loop = loop
        progress = try await loop.submit {
            NIOLoopBound(Progress(request, port: port), eventLoop: loop)
        }.get()
        for _ in 0..<connections { try await connect(port: port) }
    }

    private func connect(port: Int) async throws {
        let bootstrap = ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { [progress] channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = Connection(progress.value)
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        for _ in 0..<100 {
            if (try? await bootstrap.connect(host: "127.0.0.1", port: port).get()) != nil { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw BenchError("no server answers on port \(port); is everything in bin built?")
    }

    /// Makes so many requests, of which all must be answered 200.
    func run(requests: Int) async throws {
        try await loop.flatSubmit { [progress] in progress.value.run(requests) }.get()
    }

    /// The last answer.
    func lastAnswer() async throws -> Answer {
        let answer = try await loop.submit { [progress] in progress.value.lastAnswer }.get()
        guard let answer else { throw BenchError("no request was answered") }
        return answer
    }

    func close() async throws { try await group.shutdownGracefully() }

    /// What the connections share.
    private final class Progress {
        let makeRequest: (UInt64) -> Request
        let host: String
        var connections: [Connection] = []
        var lastAnswer: Answer?
        private var started: UInt64 = 0
        private var end: UInt64 = 0
        private var openCount = 0
        private var completion: EventLoopPromise<Void>?

        init(_ makeRequest: @escaping (UInt64) -> Request, port: Int) {
            self.makeRequest = makeRequest
            host = "127.0.0.1:\(port)"
        }

        func run(_ count: Int) -> EventLoopFuture<Void> {
            guard let loop = connections.first?.context?.eventLoop else {
                preconditionFailure("a load without connections")
            }
            let completion = loop.makePromise(of: Void.self)
            self.completion = completion
            end = started + UInt64(count)
            openCount = 0
            for connection in connections { startNext(on: connection) }
            return completion.futureResult
        }

        func startNext(on connection: Connection) {
            guard started < end else { return }
            openCount += 1
            connection.send(makeRequest(started), host: host)
            started += 1
        }

        func finished(_ answer: Answer, on connection: Connection) {
            lastAnswer = answer
            openCount -= 1
            guard answer.head.status == .ok else {
                return fail("\(answer.head.status): \(String(buffer: answer.body))")
            }
            startNext(on: connection)
            guard started == end, openCount == 0 else { return }
            completion?.succeed()
            completion = nil
        }

        /// Ends the run under way, if there is one.
        func fail(_ reason: String) {
            end = started
            completion?.fail(BenchError(reason))
            completion = nil
        }
    }

    private final class Connection: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias OutboundOut = HTTPClientRequestPart

        private let progress: Progress
        private(set) var context: ChannelHandlerContext?
        private var head: HTTPResponseHead?
        private var body = ByteBuffer()

        init(_ progress: Progress) { self.progress = progress }

        func channelActive(context: ChannelHandlerContext) {
            self.context = context
            progress.connections.append(self)
        }

        func send(_ request: Request, host: String) {
            guard let context else { return }
            var headers: HTTPHeaders = [
                "Host": host, "User-Agent": "immudb-bench", "Accept": "*/*",
            ]
            if request.method == .POST {
                headers.add(name: "Content-Type", value: "application/json")
                headers.add(name: "Content-Length", value: String(request.body.utf8.count))
            }
            let head = HTTPRequestHead(
                version: .http1_1, method: request.method, uri: request.path, headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if !request.body.isEmpty {
                let body = context.channel.allocator.buffer(string: request.body)
                context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = ByteBuffer()
            case .body(let part): body.writeImmutableBuffer(part)
            case .end:
                guard let head else { return }
                progress.finished(Answer(head: head, body: body), on: self)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.context = nil
            progress.fail("the server ended a connection")
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            progress.fail("\(error)")
            context.close(promise: nil)
        }
    }
}
