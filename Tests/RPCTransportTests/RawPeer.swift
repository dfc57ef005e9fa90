import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A client of raw HTTP/2 that reads no more of its answers than a test allows: the test opens its
/// windows.
// Unchecked: the state is locked.
final class RawPeer: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    struct State {
        fileprivate var input: [UInt8] = []
        /// The bytes of DATA frames, including the messages' prefixes and tags.
        var dataByteCount = 0
        /// The code of the last GOAWAY.
        var goAway: UInt32?
        var isClosed = false
        /// The number of streams that ended with trailers.
        var ended = 0
        /// The number of streams that were reset.
        var resets = 0
    }

    private let state = Mutex(State())
    private var channel: (any Channel)?
    private var streams: Int32 = 1

    var now: State { state.withLock { $0 } }

    /// - Parameters:
    ///   - window: the window of each stream. That of the connection stays at 65,535 bytes.
    ///   - socketByteCount: the unread bytes that the kernel keeps; it keeps about double.
    ///   - tls: nil for clear text.
    static func connect(
        _ port: Int, window: UInt32 = 0, socketByteCount: Int? = nil, tls: NIOSSLContext? = nil
    ) async throws -> RawPeer {
        let peer = RawPeer()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        if let socketByteCount {
            bootstrap = bootstrap.channelOption(
                .socketOption(.so_rcvbuf), value: SocketOptionValue(socketByteCount))
        }
        peer.channel =
            try await bootstrap
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16_384)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: "localhost"))
                    }
                    try channel.pipeline.syncOperations.addHandler(peer)
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        var hello = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        hello += frame(4, 0, 0, [0, 4] + bytes(window))
        peer.send(hello)
        return peer
    }

    /// Calls a method `times` times with an `Int64Value`. Returns the first stream.
    ///
    /// - Parameter timeout: the value of `grpc-timeout`, such as `200m`.
    @discardableResult
    func call(
        _ method: String, _ number: UInt64, times: Int = 1, padding: Int = 0, timeout: String? = nil
    ) -> Int32 {
        let first = streams
        var value: [UInt8] = [8]
        var rest = number
        while rest >= 0x80 {
            value.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        value.append(UInt8(rest))
        if padding > 0 {  // a field that nobody knows
            value += [0x7a, UInt8(padding & 0x7f | 0x80), UInt8(padding >> 7)]
            value += [UInt8](repeating: 0, count: padding)
        }
        let message = Self.message(value)
        let block = Self.block(method, timeout)
        var frames: [UInt8] = []
        for _ in 0..<times {
            frames += Self.frame(1, 4, streams, block)
            frames += Self.frame(0, 1, streams, message)
            streams += 2
        }
        send(frames)
        return first
    }

    /// Sends the HEADERS of a call whose messages follow. Returns the stream.
    func begin(_ method: String) -> Int32 {
        send(Self.frame(1, 4, streams, Self.block(method, nil)))
        streams += 2
        return streams - 2
    }

    /// Sends DATA on a stream.
    func data(_ stream: Int32, _ bytes: [UInt8], ends: Bool = false) {
        send(Self.frame(0, ends ? 1 : 0, stream, bytes))
    }

    /// Puts the prefix in front of a message.
    static func message(_ message: [UInt8]) -> [UInt8] {
        [0] + bytes(UInt32(message.count)) + message
    }

    private static func block(_ method: String, _ timeout: String?) -> [UInt8] {
        var headers = [
            (":method", "POST"), (":scheme", "http"), (":path", "/test.Peer/\(method)"),
            (":authority", "x"), ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        if let timeout { headers.append(("grpc-timeout", timeout)) }
        var block: [UInt8] = []
        for (name, value) in headers {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8)
            block += [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return block
    }

    /// Sends HEADERS with a header block that end a request.
    func request(block: [UInt8]) {
        send(Self.frame(1, 5, streams, block))
        streams += 2
    }

    /// Sends HEADERS of a request whose header block continues.
    func beginRequest(block: [UInt8]) {
        send(Self.frame(1, 0, streams, block))
        streams += 2
    }

    /// Sends HEADERS on an existing stream. `flags` are those of RFC 9113: 4 ends the block.
    func headers(_ stream: Int32, flags: UInt8, block: [UInt8] = []) {
        send(Self.frame(1, flags, stream, block))
    }

    /// Sends SETTINGS that leave streams a window of 0.
    func changeSettings(times: Int) {
        let change = Self.frame(4, 0, 0, [0, 4] + Self.bytes(0))
        send((0..<times).flatMap { _ in change })
    }

    func ping(times: Int) {
        let ping = Self.frame(6, 0, 0, Array("12345678".utf8))
        send((0..<times).flatMap { _ in ping })
    }

    /// Sends RST_STREAM with CANCEL.
    func cancel(from first: Int32, times: Int) {
        var frames: [UInt8] = []
        for number in 0..<Int32(times) {
            frames += Self.frame(3, 0, first + 2 * number, [0, 0, 0, 8])
        }
        send(frames)
    }

    /// Opens the window of a stream by `byteCount`.
    func open(_ stream: Int32, _ byteCount: UInt32) {
        send(
            Self.frame(8, 0, 0, Self.bytes(byteCount))
                + Self.frame(8, 0, stream, Self.bytes(byteCount)))
    }

    /// Stops reading from the socket, except by `readSome`.
    func stopReading() async throws { try await channel?.setOption(.autoRead, value: false).get() }

    func startReading() async throws { try await channel?.setOption(.autoRead, value: true).get() }

    /// Reads from the socket, a few KiB at most.
    func readSome() { channel?.read() }

    func close() async { try? await channel?.close() }

    private func send(_ bytes: [UInt8]) {
        channel?.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    private static func bytes(_ number: UInt32) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    private static func frame(
        _ type: UInt8, _ flags: UInt8, _ stream: Int32, _ payload: [UInt8]
    ) -> [UInt8] {
        var frame = Array(bytes(UInt32(payload.count)).dropFirst())
        frame += [type, flags]
        frame += bytes(UInt32(stream))
        return frame + payload
    }

    // MARK: what comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        state.withLock { state in
            state.input += bytes.readableBytesView
            var at = 0
            while state.input.count - at >= 9 {
                let head = state.input[at..<at + 9].map(Int.init)
                let count = head[0] << 16 | head[1] << 8 | head[2]
                guard state.input.count - at >= 9 + count else { break }
                let payload = state.input[(at + 9)..<(at + 9 + count)]
                switch head[3] {
                case 0: state.dataByteCount += count
                case 1: state.ended += head[4] & 1
                case 3: state.resets += 1
                case 6 where head[4] & 1 == 0:
                    context.write(Self.acknowledgement(payload), promise: nil)
                case 7: state.goAway = payload.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
                default: break
                }
                at += 9 + count
            }
            state.input.removeFirst(at)
        }
        context.flush()
    }

    /// Makes the acknowledgement of a PING.
    private static func acknowledgement(_ payload: ArraySlice<UInt8>) -> NIOAny {
        NIOAny(ByteBuffer(bytes: frame(6, 1, 0, Array(payload))))
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.withLock { $0.isClosed = true }
    }
}
