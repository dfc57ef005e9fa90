import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A small HTTP server of a test: keeps what it is sent, and answers with what it is told.
final class HTTPListener: Sendable {
    struct Request: Hashable, Sendable {
        var head: String
        var contentType: String?
        var body: String
    }

    struct Answer: Sendable {
        var status = HTTPResponseStatus.ok
        var body: @Sendable () -> [UInt8] = { [] }
    }

    private struct State {
        var requests: [Request] = []
        var answer = Answer()
    }

    private let state = Mutex(State())
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    var requests: [Request] { state.withLock { $0.requests } }
    var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }
    var url: String { "http://127.0.0.1:\(port)" }

    func answer(_ status: HTTPResponseStatus, _ body: @escaping @Sendable () -> [UInt8] = { [] }) {
        state.withLock { $0.answer = Answer(status: status, body: body) }
    }

    static func start() async throws -> HTTPListener {
        let listener = HTTPListener()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(listener))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        listener.channel.withLock { $0 = channel }
        return listener
    }

    func stop() async {
        try? await channel.withLock { $0 }?.close().get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let listener: HTTPListener
        private var request = Request(head: "", body: "")

        init(_ listener: HTTPListener) { self.listener = listener }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                request = Request(
                    head: "\(head.method) \(head.uri)",
                    contentType: head.headers["content-type"].first, body: "")
            case .body(let buffer): request.body += String(buffer: buffer)
            case .end:
                let taken = request
                let answer = listener.state.withLock { state in
                    state.requests.append(taken)
                    return state.answer
                }
                let body = answer.body()
                let head = HTTPResponseHead(
                    version: .http1_1, status: answer.status,
                    headers: ["content-length": "\(body.count)"])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(
                    wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
