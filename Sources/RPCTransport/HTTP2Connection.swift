import CNghttp2
import NIOCore

/// One HTTP/2 connection: an nghttp2 session behind a channel handler. Subclasses give streams a
/// meaning.
///
/// Everything here runs on the channel's event loop. Three rules keep nghttp2 and NIO apart:
/// - a callback (the overridable methods below) may submit frames, but never sends or closes:
///   `sendPending` does nothing while nghttp2 is on the stack, and whoever called nghttp2 calls it
///   afterwards;
/// - the session is looked up again after each write to the channel, since a failed write closes
///   it;
/// - the session is deleted when the channel closes, which does not close its streams:
///   `connectionEnded` tells the subclass to do that.
class HTTP2Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Enough frames for one write to the socket; more would only move memory about.
    private static let writeByteCount = 256 << 10
    /// After so many bytes other connections of the loop have their turn, even if the socket takes
    /// more: about half a millisecond of copying.
    private static let turnByteCount = 1 << 20

    @exclusivity(unchecked) final private(set) var context: ChannelHandlerContext?
    @exclusivity(unchecked) final private(set) var session: OpaquePointer?
    /// Frames that the next write carries.
    @exclusivity(unchecked) final var outgoing = ByteBuffer()
    @exclusivity(unchecked) final private(set) var lastRead = NIODeadline.now()
    @exclusivity(unchecked) final private(set) var closingSince: NIODeadline?
    @exclusivity(unchecked) final private(set) var unwritableSince: NIODeadline?
    @exclusivity(unchecked) private final var isSending = false
    @exclusivity(unchecked) private final var libraryDepth = 0
    @exclusivity(unchecked) private final var willGoOn = false

    deinit {
        if let session { nghttp2_session_del(session) }
    }

    static func from(_ user: UnsafeMutableRawPointer?) -> HTTP2Connection {
        guard let user else { preconditionFailure("nghttp2 lost the connection") }
        return Unmanaged<HTTP2Connection>.fromOpaque(user).takeUnretainedValue()
    }

    // MARK: what a subclass provides

    /// Makes the session with `user` as its user data and submits the first SETTINGS; nil when
    /// there is no memory.
    func makeSession(user: UnsafeMutableRawPointer) -> OpaquePointer? { nil }
    func beganHeaders(stream: Int32, category: nghttp2_headers_category) {}
    func receivedHeader(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {}
    func receivedData(stream: Int32, bytes: UnsafeRawBufferPointer) {}
    func receivedFrame(_ header: nghttp2_frame_hd, _ frame: UnsafePointer<nghttp2_frame>) {}
    func sentFrame(_ header: nghttp2_frame_hd) {}
    func couldNotSend(_ header: nghttp2_frame_hd) {}
    func closedStream(_ stream: Int32, http2Error: UInt32) {}
    /// Moves the next `count` bytes of a call's body to `outgoing`; `call` is what its data source
    /// holds.
    func writeBody(of call: UnsafeMutableRawPointer, count: Int) {}
    /// Everything that could be sent was sent; returns true when it submitted more.
    func sentAllPending() -> Bool { false }
    /// Nothing more can be sent now; so many bytes wait in the channel for the socket.
    func stoppedSending(inChannel byteCount: Int) {}
    /// The session is gone; called once.
    func connectionEnded(_ error: (any Error)?) {}

    // MARK: channel

    final func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        guard let session = makeSession(user: Unmanaged.passUnretained(self).toOpaque()) else {
            context.close(promise: nil)
            return
        }
        self.session = session
        if context.channel.isActive { sendPending() }
    }

    final func handlerRemoved(context: ChannelHandlerContext) { end(nil) }

    final func channelActive(context: ChannelHandlerContext) {
        sendPending()
        context.fireChannelActive()
    }

    final func channelInactive(context: ChannelHandlerContext) {
        end(nil)
        context.fireChannelInactive()
    }

    final func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(error)
        context.close(promise: nil)
    }

    final func channelWritabilityChanged(context: ChannelHandlerContext) {
        sendPending()
        context.fireChannelWritabilityChanged()
    }

    final func channelReadComplete(context: ChannelHandlerContext) {
        sendPending()
        context.fireChannelReadComplete()
    }

    final func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let session, closingSince == nil else { return }
        lastRead = .now()
        let bytes = unwrapInboundIn(data)
        libraryDepth += 1
        let taken = bytes.withUnsafeReadableBytes {
            nghttp2_session_mem_recv(
                session, $0.bindMemory(to: UInt8.self).baseAddress, $0.count)
        }
        libraryDepth -= 1
        if taken < 0 {
            let isFlood = taken == Int(NGHTTP2_ERR_FLOODED.rawValue)
            terminate(isFlood ? HTTP2.enhanceYourCalm : HTTP2.protocolError)
        }
    }

    // MARK: sending and closing

    /// Writes what nghttp2 wants to send, in as few writes as the size of a write allows, as long
    /// as the channel takes it.
    final func sendPending() {
        guard !isSending, libraryDepth == 0, let context else { return }
        isSending = true
        defer { isSending = false }
        var room = Self.turnByteCount
        repeat {
            while let session, context.channel.isWritable {
                let more = fillOutgoing(session)
                if outgoing.readableBytes == 0 { break }
                room -= outgoing.readableBytes
                context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
                outgoing.clear()  // keeps its memory when the write is done already
                if !more { break }
                if room <= 0 {
                    goOnNextTurn(context)
                    break
                }
            }
        } while room > 0 && session != nil && sentAllPending()
        guard let session else { return }
        unwritableSince = context.channel.isWritable ? nil : unwritableSince ?? .now()
        stoppedSending(inChannel: unwritableSince == nil ? 0 : channelByteCount)
        if nghttp2_session_want_read(session) == 0, nghttp2_session_want_write(session) == 0 {
            closeWhenSent()
        }
    }

    private final func goOnNextTurn(_ context: ChannelHandlerContext) {
        guard !willGoOn else { return }
        willGoOn = true
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute {
            connection.value.willGoOn = false
            connection.value.sendPending()
        }
    }

    /// Bytes that were written and that the socket has not taken.
    final var channelByteCount: Int {
        guard let options = context?.channel.syncOptions else { return 0 }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Returns whether nghttp2 may have more.
    private final func fillOutgoing(_ session: OpaquePointer) -> Bool {
        libraryDepth += 1
        defer { libraryDepth -= 1 }
        while outgoing.readableBytes < Self.writeByteCount {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            if count < 0 { closeWhenSent() }
            if count <= 0 { return false }
            outgoing.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count))
        }
        return true
    }

    /// GOAWAY with that error, then the end, whatever the streams are at.
    final func terminate(_ http2Error: UInt32) {
        guard let session else { return }
        nghttp2_session_terminate_session(session, http2Error)
        sendPending()
        closeWhenSent()
    }

    private final func closeWhenSent() {
        guard closingSince == nil, let context else { return }
        closingSince = .now()
        let channel = context.channel
        // Behind what was written; on the next turn of the loop, so never inside of a callback.
        context.eventLoop.execute {
            channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
        }
    }

    /// Closes without a word: for peers that no longer answer.
    final func cut() {
        guard let context else { return }
        if closingSince == nil { closingSince = .now() }
        let channel = context.channel
        context.eventLoop.execute { channel.close(promise: nil) }
    }

    private final func end(_ error: (any Error)?) {
        guard let session else { return }
        precondition(libraryDepth == 0, "a callback closed the connection")
        self.session = nil
        nghttp2_session_del(session)
        connectionEnded(error)
        context = nil
        outgoing = ByteBuffer()
    }

    /// Gives back memory that only a busy connection needs.
    final func releaseSpareMemory() {
        if outgoing.readableBytes == 0, outgoing.capacity > 0, !isSending {
            outgoing = ByteBuffer()
        }
    }
}
