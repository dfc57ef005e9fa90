import NIOCore
import NIOPosix
import Synchronization

/// A server of raw HTTP/2 that sends the bytes of a test, as fast as the client takes them, and
/// follows no rule.
final class HostileServer: Sendable {
    enum Event {
        /// A client has connected; nothing was sent.
        case opened
        /// The HEADERS of a request have come.
        case request(stream: Int32)
    }

    /// The events of all clients.
    struct Seen {
        /// The time at which each connection was opened.
        var openings: [ContinuousClock.Instant] = []
        var closedCount = 0
        var requestCount = 0
        var settingsAcknowledgementCount = 0
        var pingCount = 0
        /// The streams for which an RST_STREAM has come.
        var resets: [Int32] = []
    }

    /// The state that the server shares with its connections.
    final class Log: Sendable {
        let seen = Mutex(Seen())
        let connections = Mutex<[NIOLoopBound<HostileConnection>]>([])
    }

    let port: Int
    private let channel: any Channel
    private let log: Log

    private init(_ channel: any Channel, _ log: Log) throws {
        self.channel = channel
        self.log = log
        port = channel.localAddress?.port ?? 0
    }

    var seen: Seen { log.seen.withLock { $0 } }

    /// Runs a body with each connection, on the connection's event loop.
    func withConnections(_ body: @escaping @Sendable (HostileConnection) -> Void) async throws {
        for connection in log.connections.withLock({ $0 }) {
            try await connection.eventLoop.submit { body(connection.value) }.get()
        }
    }

    static func start(
        _ behave: @escaping @Sendable (HostileConnection, Event) -> Void
    ) async throws -> HostileServer {
        let log = Log()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = HostileConnection(behave, log)
                    try channel.pipeline.syncOperations.addHandler(connection)
                    let bound = NIOLoopBound(connection, eventLoop: channel.eventLoop)
                    log.connections.withLock { $0.append(bound) }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return try HostileServer(channel, log)
    }

    func stop() async { try? await channel.close() }
}

/// One client of a `HostileServer`.
final class HostileConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let behave: @Sendable (HostileConnection, HostileServer.Event) -> Void
    private let log: HostileServer.Log
    private var context: ChannelHandlerContext?
    private var input: [UInt8] = []
    private var hasPreface = false
    private var flood: (bytes: ByteBuffer, left: Int)?
    private var isPumping = false

    init(
        _ behave: @escaping @Sendable (HostileConnection, HostileServer.Event) -> Void,
        _ log: HostileServer.Log
    ) {
        self.behave = behave
        self.log = log
    }

    /// Starts or stops reading from the socket.
    func setReading(_ isReading: Bool) {
        try? context?.channel.syncOptions?.setOption(.autoRead, value: isReading)
    }

    func send(_ bytes: [UInt8]) {
        context?.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    func close() {
        guard let context else { return }
        // After the bytes that were sent before.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    /// Sends the same frames repeatedly.
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
            // The client of the test may run on the same loop.
            let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.eventLoop.execute { handler.value.pump() }
            break
        }
        self.flood?.left = left
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        log.seen.withLock { $0.openings.append(.now) }
        behave(self, .opened)
    }

    func channelInactive(context: ChannelHandlerContext) {
        log.seen.withLock { $0.closedCount += 1 }
    }

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
            let (type, flags) = (input[3], input[4])
            let stream = input[5..<9].reduce(0) { $0 << 8 | Int32($1) }
            input.removeFirst(9 + count)
            log.seen.withLock { seen in
                switch type {
                case 1: seen.requestCount += 1
                case 3: seen.resets.append(stream)
                case 4: seen.settingsAcknowledgementCount += Int(flags & 1)
                case 6: seen.pingCount += Int(~flags & 1)
                default: break
                }
            }
            if type == 1 { behave(self, .request(stream: stream)) }
        }
    }
}

/// Makes frames of HTTP/2, valid and invalid ones.
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
    /// Without this frame, a client keeps the initial windows of HTTP/2.
    static let settingsAcknowledged = frame(4, flags: 1)

    /// Encodes a literal field without indexing. All lengths must be below 16,384.
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

    /// Makes the HEADERS of an answer that continues.
    static func headers(_ stream: Int32, _ more: [UInt8] = []) -> [UInt8] {
        frame(1, flags: 4, stream: stream, okFields + more)
    }

    static func trailers(_ stream: Int32, _ more: [UInt8] = []) -> [UInt8] {
        frame(1, flags: 5, stream: stream, field("grpc-status", "0") + more)
    }

    static func data(_ stream: Int32, _ payload: [UInt8]) -> [UInt8] {
        frame(0, stream: stream, payload)
    }

    /// Makes a whole answer to a unary call, with an empty message.
    static func answer(_ stream: Int32) -> [UInt8] {
        headers(stream) + data(stream, message([])) + trailers(stream)
    }

    /// Puts the prefix in front of a message.
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
