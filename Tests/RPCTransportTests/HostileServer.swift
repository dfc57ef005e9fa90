import NIOCore
import NIOPosix

/// A server of raw HTTP/2 that sends what a test tells it to, as fast as the client takes it, and
/// keeps no rule.
final class HostileServer: Sendable {
    enum Event {
        /// A client has connected; nothing was sent.
        case opened
        /// The HEADERS of a request have come.
        case request(stream: Int32)
    }

    let port: Int
    private let channel: any Channel

    private init(_ channel: any Channel) throws {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    static func start(
        _ behave: @escaping @Sendable (HostileConnection, Event) -> Void
    ) async throws -> HostileServer {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HostileConnection(behave))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return try HostileServer(channel)
    }

    func stop() async { try? await channel.close() }
}

/// One client of a `HostileServer`.
final class HostileConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let behave: @Sendable (HostileConnection, HostileServer.Event) -> Void
    private var context: ChannelHandlerContext?
    private var input: [UInt8] = []
    private var hasPreface = false
    private var flood: (bytes: ByteBuffer, left: Int)?
    private var isPumping = false

    init(_ behave: @escaping @Sendable (HostileConnection, HostileServer.Event) -> Void) {
        self.behave = behave
    }

    func send(_ bytes: [UInt8]) {
        context?.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    func close() {
        guard let context else { return }
        // Behind what was sent.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    /// Sends the same frames again and again.
    func repeatForever(_ frames: [UInt8], byteCount: Int = .max) {
        let times = max(1, (64 << 10) / frames.count)
        var bytes = ByteBuffer()
        for _ in 0..<times { bytes.writeBytes(frames) }
        flood = (bytes, byteCount)
        pump()
    }

    private func pump() {
        guard !isPumping, let context, let flood, flood.left > 0 else { return }
        isPumping = true
        defer { isPumping = false }
        var left = flood.left
        while left > 0, context.channel.isActive, context.channel.isWritable {
            context.writeAndFlush(wrapOutboundOut(flood.bytes), promise: nil)
            left -= flood.bytes.readableBytes
            // The client of the test may live on the same loop.
            let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.eventLoop.execute { handler.value.pump() }
            break
        }
        self.flood?.left = left
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) { behave(self, .opened) }

    func channelWritabilityChanged(context: ChannelHandlerContext) { pump() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        input += unwrapInboundIn(data).readableBytesView
        if !hasPreface {
            guard input.count >= 24 else { return }
            input.removeFirst(24)
            hasPreface = true
        }
        while input.count >= 9 {
            let count = Int(input[0]) << 16 | Int(input[1]) << 8 | Int(input[2])
            guard input.count >= 9 + count else { return }
            let type = input[3]
            let stream = input[5..<9].reduce(0) { $0 << 8 | Int32($1) }
            input.removeFirst(9 + count)
            if type == 1 { behave(self, .request(stream: stream)) }
        }
    }
}

/// Frames of HTTP/2, right and wrong.
enum RawFrame {
    static func frame(
        _ type: UInt8, flags: UInt8 = 0, stream: Int32 = 0, _ payload: [UInt8] = []
    ) -> [UInt8] {
        Array(number(UInt32(payload.count)).dropFirst()) + [type, flags]
            + number(UInt32(bitPattern: stream)) + payload
    }

    static func number(_ number: UInt32) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    static let settings = frame(4)
    /// Without it a client keeps to the windows that HTTP/2 begins with.
    static let settingsAcknowledged = frame(4, flags: 1)

    /// A literal field without indexing; all lengths below 16,384.
    static func field(_ name: String, _ value: String, isIndexed: Bool = false) -> [UInt8] {
        [isIndexed ? 0x40 : 0] + length(name.utf8.count) + Array(name.utf8)
            + length(value.utf8.count) + Array(value.utf8)
    }

    private static func length(_ count: Int) -> [UInt8] {
        if count < 127 { return [UInt8(count)] }
        var rest = count - 127
        var bytes: [UInt8] = [127]
        while rest >= 128 {
            bytes.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return bytes + [UInt8(rest)]
    }

    static let okFields = field(":status", "200") + field("content-type", "application/grpc")

    /// HEADERS of an answer that goes on.
    static func headers(_ stream: Int32, _ more: [UInt8] = []) -> [UInt8] {
        frame(1, flags: 4, stream: stream, okFields + more)
    }

    static func trailers(_ stream: Int32, _ more: [UInt8] = []) -> [UInt8] {
        frame(1, flags: 5, stream: stream, field("grpc-status", "0") + more)
    }

    static func data(_ stream: Int32, _ payload: [UInt8]) -> [UInt8] {
        frame(0, stream: stream, payload)
    }

    /// A message behind its prefix.
    static func message(_ content: [UInt8]) -> [UInt8] {
        [0] + number(UInt32(content.count)) + content
    }

    static func reset(_ stream: Int32, _ code: UInt32) -> [UInt8] {
        frame(3, stream: stream, number(code))
    }

    static func goAway(last: Int32, _ code: UInt32 = 0) -> [UInt8] {
        frame(7, number(UInt32(bitPattern: last)) + number(code))
    }
}
