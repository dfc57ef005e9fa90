import CNghttp2
import NIOCore

/// One HTTP/2 connection: an nghttp2 session behind a channel handler. Its delegate decides what streams mean.
///
/// Everything here runs on the channel's event loop. Three rules keep nghttp2 and NIO apart:
/// - A callback (the delegate's methods) may submit frames, but never sends or closes. `sendPending` does nothing while
///   nghttp2 is on the stack; the code that called nghttp2 calls `sendPending` afterwards.
/// - The session is looked up again after each write to the channel, since a failed write closes the channel.
/// - The session is deleted after the channel has closed. Deleting it does not close its streams: `connectionEnded`
///   tells the delegate to do that.
final class HTTP2Connection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// The bytes of frames that one write to the socket carries; a larger buffer would only copy more memory.
    private static let writeByteCount = 64 << 10
    /// After this many bytes, or a write that took as long as a turn, the loop's other connections have their turns,
    /// even if the socket accepts more. Copying this many bytes takes a hundred microseconds, or ten milliseconds if
    /// the kernel has no free memory ready.
    private static let turnByteCount = 256 << 10
    /// The most bytes that one read of the socket returns.
    static let largestRead = 16 << 10
    /// The most received bytes that a connection holds before they are parsed: one read, and with TLS the record that
    /// the previous read began.
    private static let mostReceived = 3 * largestRead
    /// A read of up to this size is parsed at once, even if others wait: a few calls, 50 µs at worst. A hundred
    /// clients can send at the same time.
    private static let smallRead = 512
    /// The number of bytes that are parsed between two reads of the clock: a quarter of a millisecond at worst.
    private static let slice = 2 << 10
    /// The memory that nghttp2 takes for a waiting frame: the frame itself, and usual header fields.
    private static let frameByteCount = 512

    /// Set until the connection's memory is freed.
    private var callee: HTTP2Callee?
    private let turns: LoopTurns?
    private(set) var context: ChannelHandlerContext?
    /// Set until the channel has closed.
    private(set) var session: OpaquePointer?
    /// The remains of the session after the channel has closed, until they are freed.
    private var ended: Ended?
    /// Frames that the next write carries.
    private var outgoing = ByteBuffer()
    private(set) var lastRead = NIODeadline.now()
    /// Bytes of the last read that are not parsed yet: at most `mostReceived`.
    private var received = ByteBuffer()
    /// Whether the last read is complete: further bytes belong to a read that was not asked for.
    private var isReadComplete = false
    /// Whether the channel's next read waits until `received` is empty.
    private var isReadHeldBack = false
    private(set) var closingSince: NIODeadline?
    /// The time since which a block of header fields is open. The block may have ended if nghttp2 ignores it, but no
    /// frame has begun after it.
    var openBlockSince: NIODeadline? { callee?.blockBegan }
    private(set) var unwritableSince: NIODeadline?
    private var isSending = false
    private var libraryDepth = 0
    private var willGoOn = false

    /// - Parameter turns: shares the loop's time among connections of untrusted peers; nil: no turns.
    init(_ turns: LoopTurns? = nil) { self.turns = turns }

    /// Closes the socket at once, without TLS, which would wait for the peer.
    var cutSocket: (() -> Void)?

    /// Sets the delegate. Called once, before the handler is added to a pipeline.
    func setDelegate(_ delegate: any HTTP2Delegate) { callee = HTTP2Callee(delegate, self) }

    /// Removes the delegate of a handler that could not be added to its pipeline.
    func removeDelegate() { callee = nil }

    private var delegate: (any HTTP2Delegate)? { callee?.delegate }

    private struct Ended {
        let session: OpaquePointer
        let error: (any Error)?
    }

    deinit {
        if let session = session ?? ended?.session { nghttp2_session_del(session) }
    }

    // MARK: from nghttp2

    /// A data provider whose body comes from the delegate.
    static func bodyProvider() -> nghttp2_data_provider {
        var provider = nghttp2_data_provider()
        provider.read_callback = { _, stream, _, limit, flags, _, user in
            guard let flags else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
            let next = HTTP2Callee.with(user) { $0.delegate.nextBody(of: stream, limit: limit) }
            switch next {
            case .part(let count):
                flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
                return count
            case .last(let count, let hasTrailers):
                flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
                flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
                if hasTrailers { flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue }
                return count
            case .later:
                return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            }
        }
        return provider
    }

    /// Writes a DATA frame: its header, and the body from the delegate. Returns whether another frame
    /// still fits into the write.
    func writeData(
        stream: Int32, header: UnsafePointer<UInt8>, count: Int, padding: Int
    ) -> Bool {
        outgoing.writeBytes(UnsafeRawBufferPointer(start: header, count: 9))
        if padding > 0 { outgoing.writeInteger(UInt8(truncatingIfNeeded: padding - 1)) }
        if count > 0 { delegate?.writeBody(of: stream, count: count, to: &outgoing) }
        if padding > 1 { outgoing.writeRepeatingByte(0, count: padding - 1) }
        return outgoing.readableBytes < Self.writeByteCount
    }

    // MARK: channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        guard let callee,
            let session = callee.delegate.makeSession(
                user: Unmanaged.passUnretained(callee).toOpaque())
        else {
            callee = nil
            context.close(promise: nil)
            return
        }
        self.session = session
        if context.channel.isActive { sendPending() }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end(nil) }

    func channelActive(context: ChannelHandlerContext) {
        sendPending()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(error)
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        // Not immediately: NIO calls this while it flushes, and would continue for as long as the peer reads.
        if context.channel.isWritable { goOnNextTurn(context) }
        context.fireChannelWritabilityChanged()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReadComplete = received.readableBytes > 0
        sendPending()
        context.fireChannelReadComplete()
    }

    /// Delays a read that the channel asks for until the received bytes are parsed.
    func read(context: ChannelHandlerContext) {
        if received.readableBytes == 0 { readOn(context) } else { isReadHeldBack = true }
    }

    private func readOn(_ context: ChannelHandlerContext) {
        isReadHeldBack = false
        isReadComplete = false
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard session != nil, closingSince == nil else { return }
        lastRead = .now()
        var bytes = unwrapInboundIn(data)
        if received.readableBytes > 0 {
            // When a peer closes, NIO delivers the rest of the socket's bytes although no read was asked for. Earlier
            // bytes still wait here; appended to them, the rest would become part of the wrong requests. With TLS, one
            // read may arrive in several parts, which wait together.
            guard !isReadComplete,
                received.readableBytes + bytes.readableBytes <= Self.mostReceived
            else { return cut() }
            received.writeBuffer(&bytes)
            return
        }
        received = bytes
        guard let turns else { return receive(received.readableBytes) }
        turns.noteLook(lastRead)
        if received.readableBytes <= Self.smallRead { return receive(received.readableBytes) }
        _ = turns.runNow { workOff() }
        if received.readableBytes > 0 { waitForTurn(turns) }
    }

    /// Parses the rest of a read in turns, and then lets the channel read on.
    private func waitForTurn(_ turns: LoopTurns) {
        turns.wait {
            guard self.session != nil else { return }
            self.workOff()
            self.sendPending()
            if self.received.readableBytes > 0 {
                self.waitForTurn(turns)
            } else if self.isReadHeldBack, let context = self.context {
                self.readOn(context)
            }
        }
    }

    /// Parses as many of the received bytes as one turn has time for.
    private func workOff() {
        let began = NIODeadline.now()
        repeat {
            receive(Self.slice)
        } while received.readableBytes > 0
            && .now() - began < LoopTurns.turn
    }

    /// Passes the next received bytes to nghttp2, at most `limit`.
    private func receive(_ limit: Int) {
        guard let session, let context, closingSince == nil else {
            received = ByteBuffer()
            return
        }
        let count = min(limit, received.readableBytes)
        libraryDepth += 1
        let taken = received.withUnsafeReadableBytes {
            nghttp2_session_mem_recv(
                session, $0.bindMemory(to: UInt8.self).baseAddress, count)
        }
        libraryDepth -= 1
        received.moveReaderIndex(forwardBy: count)
        // The channel reuses the buffer once nothing else holds it.
        if received.readableBytes == 0 { received = ByteBuffer() }
        if taken < 0 {
            // A callback fails if a block is too large, or too many blocks are.
            let isFlood = [NGHTTP2_ERR_FLOODED, NGHTTP2_ERR_CALLBACK_FAILURE].contains {
                taken == Int($0.rawValue)
            }
            terminate(isFlood ? HTTP2.enhanceYourCalm : HTTP2.protocolError)
        } else if unwritableSince != nil, !context.channel.isWritable, let delegate,
            nghttp2_session_get_outbound_queue_size(session) > delegate.maxQueuedFrameCount
        {
            cut()
        }
    }

    // MARK: sending and closing

    /// Writes the frames that nghttp2 has ready, in as few writes as their size allows, while the channel accepts them.
    func sendPending() {
        guard !isSending, libraryDepth == 0, let context else { return }
        isSending = true
        defer { isSending = false }
        let channel = context.channel
        var isWritable = channel.isWritable
        // The channel is writable again only after the peer has read something.
        if isWritable { unwritableSince = nil }
        var room = Self.turnByteCount
        repeat {
            while let session, isWritable {
                let more = fillOutgoing(session)
                if outgoing.readableBytes == 0 { break }
                room -= outgoing.readableBytes
                let began = more ? NIODeadline.now() : .distantFuture
                context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
                outgoing.clear()  // keeps its memory when the write is done already
                isWritable = channel.isWritable
                if !more { break }
                if .now() - began > LoopTurns.turn { room = 0 }
                if room <= 0 { break }
            }
        } while room > 0 && session != nil && delegate?.sentAllPending() == true
        guard let session else { return }
        if room <= 0 { goOnNextTurn(context) }
        unwritableSince = isWritable ? nil : unwritableSince ?? .now()
        delegate?.stoppedSending(queuedByteCount: queuedByteCount)
        if nghttp2_session_want_read(session) == 0, nghttp2_session_want_write(session) == 0 {
            closeWhenSent()
        }
    }

    /// Sends when the connection has its turn.
    func sendInTurn() {
        if let context { goOnNextTurn(context) }
    }

    private func goOnNextTurn(_ context: ChannelHandlerContext) {
        guard !willGoOn else { return }
        willGoOn = true
        let goOn = {
            self.willGoOn = false
            self.sendPending()
        }
        if let turns {
            turns.wait(goOn)
        } else {
            context.eventLoop.assumeIsolated().execute(goOn)
        }
    }

    /// Bytes that were written and that the socket has not accepted, plus the approximate size of the frames that
    /// nghttp2 holds until then.
    var queuedByteCount: Int {
        guard unwritableSince != nil, let session, let options = context?.channel.syncOptions else {
            return 0
        }
        return ((try? options.getOption(.bufferedWritableBytes)) ?? 0)
            + nghttp2_session_get_outbound_queue_size(session) * Self.frameByteCount
    }

    /// Returns whether nghttp2 may have more frames.
    private func fillOutgoing(_ session: OpaquePointer) -> Bool {
        libraryDepth += 1
        defer { libraryDepth -= 1 }
        while outgoing.readableBytes < Self.writeByteCount {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            if count < 0 { closeWhenSent() }
            if count <= 0 { return outgoing.readableBytes >= Self.writeByteCount }
            outgoing.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count))
        }
        return true
    }

    /// Sends GOAWAY with an error and closes, whatever the state of the streams.
    func terminate(_ http2Error: UInt32) {
        guard let session else { return }
        nghttp2_session_terminate_session(session, http2Error)
        sendPending()
        closeWhenSent()
    }

    private func closeWhenSent() {
        guard closingSince == nil, let context else { return }
        closingSince = .now()
        let channel = context.channel
        // After the bytes that were written, in a later cycle of the loop, so never inside of a callback.
        context.eventLoop.execute {
            channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
        }
    }

    /// Closes without sending anything: for peers that no longer answer.
    func cut() {
        guard let context else { return }
        if closingSince == nil { closingSince = .now() }
        let channel = context.channel
        guard let cutSocket else {
            return context.eventLoop.execute { channel.close(promise: nil) }
        }
        context.eventLoop.assumeIsolated().execute { cutSocket() }
    }

    /// Ends the connection after its channel has closed. Its memory is freed in turns: it may have a thousand streams,
    /// and a client may close hundreds of connections at once.
    private func end(_ error: (any Error)?) {
        guard let session else {
            if ended == nil { callee = nil }
            return
        }
        precondition(libraryDepth == 0, "a callback closed the connection")
        self.session = nil
        ended = Ended(session: session, error: error)
        closingSince = closingSince ?? .now()
        context = nil
        outgoing = ByteBuffer()
        received = ByteBuffer()
        if let turns { turns.run { self.free() } } else { free() }
    }

    private func free() {
        guard let ended else { return }
        self.ended = nil
        nghttp2_session_del(ended.session)
        delegate?.connectionEnded(ended.error)
        callee = nil
    }

    /// Frees memory that only a busy connection needs.
    func releaseSpareMemory() {
        if outgoing.readableBytes == 0, outgoing.capacity > 0, !isSending {
            outgoing = ByteBuffer()
        }
    }
}

/// The object that nghttp2's callbacks call: its `user_data`.
///
/// Its references never change, so callbacks, of which each call has a dozen, need not retain it. That is safe since it
/// outlives every callback: nghttp2 calls only inside of `mem_recv` and `mem_send`, which the connection calls; the
/// connection keeps this object until `free` has deleted the session; and `end`, which comes before, stops the process
/// if nghttp2 is on the stack (`libraryDepth`).
final class HTTP2Callee {
    let delegate: any HTTP2Delegate
    // `unsafe` is safe here: the connection owns this object, and only the connection calls nghttp2.
    unowned(unsafe) let connection: HTTP2Connection
    private let headerLimit: Int
    /// The size of the fields in the block that is being received, including fields that nghttp2 leaves out.
    private var blockByteCount = 0
    /// The time at which the open block of header fields began; nil once nghttp2 has reported its
    /// end.
    private(set) var blockBegan: NIODeadline?

    fileprivate init(_ delegate: any HTTP2Delegate, _ connection: HTTP2Connection) {
        self.delegate = delegate
        self.connection = connection
        headerLimit = min(delegate.headerLimit, 1 << 32)
    }

    /// Notes the beginning of a frame. This is all that nghttp2 reports of a frame that it ignores.
    func beganFrame(type: UInt8) {
        switch type {
        case HTTP2.headers: blockBegan = connection.lastRead
        case HTTP2.continuation: break
        default: blockBegan = nil
        }
    }

    func receivedFrame(_ header: nghttp2_frame_hd, _ frame: UnsafePointer<nghttp2_frame>) {
        if header.type == HTTP2.headers { blockBegan = nil }
        delegate.receivedFrame(header, frame)
    }

    func beganHeaders(stream: Int32, category: nghttp2_headers_category) {
        blockByteCount = 0
        delegate.beganHeaders(stream: stream, category: category)
    }

    /// Returns false if the connection has to end.
    func receivedHeader(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard countField(name.count + value.count) else { return false }
        delegate.receivedHeader(name: name, value: value)
        return true
    }

    /// Counts a field of the block that is being received. Returns false if the connection has to end.
    func countField(_ byteCount: Int) -> Bool {
        let before = blockByteCount
        blockByteCount += byteCount + Metadata.fieldByteCount
        guard blockByteCount > headerLimit else { return true }
        if before <= headerLimit, !delegate.tolerateLargeBlock() { return false }
        guard blockByteCount > 8 * headerLimit else { return true }
        delegate.blockIsTooLarge()
        return false
    }

    static func with<Result>(
        _ user: UnsafeMutableRawPointer?, _ body: (HTTP2Callee) -> Result
    ) -> Result {
        guard let user else { preconditionFailure("nghttp2 lost the connection") }
        return Unmanaged<HTTP2Callee>.fromOpaque(user)._withUnsafeGuaranteedRef(body)
    }
}
