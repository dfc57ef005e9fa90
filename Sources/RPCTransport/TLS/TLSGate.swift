import NIOCore

/// Stands between the socket and TLS: refuses bytes that are not TLS, gives the handshakes of untrusted peers turns on
/// the loop, bounds the bytes that they send, and closes at once where TLS would wait for the peer. Event loop only.
///
/// A handshake is the most expensive operation that an untrusted peer can ask for: a signature and the verification of
/// a chain, 0.7 ms of CPU (`docs/limits.md`). Handshakes therefore share the turns of the loop (`LoopTurns`) with all
/// other work that clients can cause at will. While bytes wait for their turn nothing more is read, so a connection
/// holds at most one read of them.
final class TLSGate: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The largest number of bytes from a peer before its handshake is over: real certificate chains have a tenth of
    /// it.
    private static let handshakeByteCount = 64 << 10
    /// The time that a peer has to read the reason of its refusal. If this side closed at once while bytes of the
    /// peer are in flight, the system would answer them with a reset, and the peer would lose what it has not read.
    private static let farewell = TimeAmount.seconds(1)
    /// The record types with which a peer may begin: handshake, and alert.
    private static let firstBytes: [UInt8] = [0x16, 0x15]

    private let turns: LoopTurns?
    private var context: ChannelHandlerContext?
    private(set) var receivedByteCount = 0
    private var isInHandshake = true
    private var waiting: ByteBuffer?
    private var isReadHeldBack = false
    private var isTakingLeave = false
    /// Whether this side has closed the connection without sending anything.
    private(set) var wasCut = false

    /// - Parameter turns: shares the loop's time among connections of untrusted peers; nil: no turns.
    init(_ turns: LoopTurns?) { self.turns = turns }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Lets bytes pass from now on.
    func handshakeIsOver() { isInHandshake = false }

    /// Closes the socket, whatever the state of TLS.
    func cut() {
        wasCut = true
        context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isInHandshake else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        let isFirst = receivedByteCount == 0
        receivedByteCount += bytes.readableBytes
        if isTakingLeave {
            if receivedByteCount > Self.handshakeByteCount { context.close(promise: nil) }
            return
        }
        if isFirst, let byte = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self),
            !Self.firstBytes.contains(byte)
        {
            return turnAway(context, isHTTP2: byte == HTTP2Words.preface)
        }
        guard let turns else { return context.fireChannelRead(data) }
        guard receivedByteCount <= Self.handshakeByteCount else {
            context.fireErrorCaught(TLSFault.tooLong)
            return
        }
        if waiting != nil {
            waiting?.writeBuffer(&bytes)
        } else {
            waiting = bytes
            turns.run { self.goOn() }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if waiting == nil { context.fireChannelReadComplete() }
    }

    func read(context: ChannelHandlerContext) {
        if waiting == nil { context.read() } else { isReadHeldBack = true }
    }

    /// Passes the bytes that have waited for their turn to TLS.
    private func goOn() {
        guard let context, let bytes = waiting else { return }
        waiting = nil
        guard context.channel.isActive, !isTakingLeave else { return }
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        guard isReadHeldBack, waiting == nil else { return }
        isReadHeldBack = false
        context.read()
    }

    /// Refuses a peer that does not begin with TLS. A client that begins HTTP/2 is sent the reason in HTTP/2.
    private func turnAway(_ context: ChannelHandlerContext, isHTTP2: Bool) {
        if turns != nil, isHTTP2 {
            let bytes = context.channel.allocator.buffer(bytes: HTTP2Words.wantsTLS)
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        }
        context.fireErrorCaught(TLSFault.plainText)
    }

    /// Closes a connection whose handshake has failed or is given up, after a moment in which the peer can read the
    /// alert.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard isInHandshake, turns != nil, mode == .all, context.channel.isActive else {
            return context.close(mode: mode, promise: promise)
        }
        if let promise { context.channel.closeFuture.cascade(to: promise) }
        guard !isTakingLeave else { return }
        isTakingLeave = true
        waiting = nil
        context.close(mode: .output, promise: nil)
        // Without a read, nobody would notice that the peer has disconnected.
        context.read()
        closeSoon()
    }

    /// Closes the socket after the farewell, even if TLS waits for the peer's.
    func closeSoon() {
        context?.eventLoop.assumeIsolated().scheduleTask(in: Self.farewell) { [weak self] in
            self?.context?.close(promise: nil)
        }
    }
}

/// The few frames of HTTP/2 that are sent without a session.
private enum HTTP2Words {
    /// The first byte of "PRI * HTTP/2.0", with which a client begins.
    static let preface = UInt8(ascii: "P")

    /// SETTINGS, and a GOAWAY that states the reason (RFC 9113, sections 6.5 and 6.8).
    static let wantsTLS: [UInt8] = {
        let reason = Array("this port wants TLS".utf8)
        let settings: [UInt8] = [0, 0, 0, HTTP2.settings, 0, 0, 0, 0, 0]
        let goAway: [UInt8] =
            [0, 0, UInt8(8 + reason.count), HTTP2.goAway, 0, 0, 0, 0, 0]
            + [0, 0, 0, 0, 0, 0, 0, UInt8(HTTP2.inadequateSecurity)]
        return settings + goAway + reason
    }()
}

/// On a client without TLS: detects a server that requires TLS by its alert. Inspects only the first read.
final class TLSAlertDetector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if bytes.getInteger(at: bytes.readerIndex, as: UInt16.self) == 0x1503 {
            context.fireErrorCaught(RPCError(.unavailable, TLSFault.serverWantsTLS))
        } else {
            context.fireChannelRead(data)
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

extension TLSFault {
    static let serverWantsTLS = "the server wants TLS, and this client does not use it"
}
