import HTTPTypes
import NIOCore
import NIOHTTPTypes
import RPCTransport

/// Cuts off a client that sends its request too slowly, or reads its answer too slowly; counts the connection.
///
/// A connection waits for the head of a request, receives its body, or has all of it and answers. Each of these has its
/// own clock. Bytes that trickle in do not stop the first two: a head has to be complete, and of a body a number of bytes
/// has to have come, when the time is over. Requests may follow each other before they are answered, and an answer may
/// come before its request has ended: the connection then receives that until it ends.
final class RequestPace: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: RequestLimits
    private let connections: HostShares
    private var host: String?

    /// When the connection is closed, unless its present phase ends before; nil while it answers.
    private var deadline: NIODeadline?
    /// Rings at the deadline or before it, and is then set again: a deadline that moves on, as with each request, sets no
    /// timer.
    private var alarm: Scheduled<Void>?
    private var alarmTime = NIODeadline.distantFuture
    /// Whether the head of a request has come, and its end has not.
    private var isReceiving = false
    /// Bytes of the body, and how many there were when the deadline was set.
    private var byteCount = 0
    private var steadyByteCount = 0
    /// Requests whose answers have not ended.
    private var openCount = 0

    /// Whether the answer that is being written is the last one.
    private var isLastAnswer = false
    /// Whether the last answer was written: what still comes is dropped.
    private var isEnding = false

    /// Looks how much of an answer the client has taken.
    private var reading: Scheduled<Void>?
    private var writtenByteCount = 0
    /// Called when the client has gone before its answer has ended.
    private var whenGone: (@Sendable () -> Void)?

    init(_ limits: RequestLimits, _ connections: HostShares) {
        self.limits = limits
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let host = clientHost(context.channel.remoteAddress)
        guard connections.admit(host) else { return context.close(promise: nil) }
        self.host = host
        waitForHead(context)
    }

    /// Calls `body` if the client goes before its answer has ended. On the event loop of the connection.
    func watch(_ body: @escaping @Sendable () -> Void) { whenGone = body }

    /// The handler goes with its channel, also with one that never became active.
    func handlerRemoved(context: ChannelHandlerContext) {
        alarm?.cancel()
        reading?.cancel()
        whenGone?()
        whenGone = nil
        if let host { connections.forget(host) }
        host = nil
    }

    // MARK: the request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !isEnding else {
            // The client has sent everything, and reads.
            if case .end = part { context.close(promise: nil) }
            return
        }
        switch part {
        case .head(let head):
            openCount += 1
            // A client that sends so many before it reads an answer makes the gateway keep them.
            guard openCount <= limits.maxPipelinedRequestCount else {
                return context.close(promise: nil)
            }
            isReceiving = true
            byteCount = 0
            steadyByteCount = 0
            set(context, limits.bodyTimeout)
            if isAskedToContinue(head) {
                context.writeAndFlush(
                    wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body(let bytes):
            byteCount += bytes.readableBytes
            // The larger a body is, the more the gateway holds until it ends.
            let step = byteCount < 1 << 20 ? limits.steadyByteCount : 16 * limits.steadyByteCount
            if byteCount - steadyByteCount >= step {
                steadyByteCount = byteCount
                set(context, limits.bodyTimeout)
            }
        case .end:
            isReceiving = false
            if openCount == 0 {
                waitForHead(context)
            } else {
                deadline = nil
            }
        }
        context.fireChannelRead(data)
    }

    /// Whether the client waits for a word before it sends the body, which is not too large.
    private func isAskedToContinue(_ head: HTTPRequest) -> Bool {
        guard let expectation = head.headerFields[.expect], expectation.utf8.count <= 16,
            expectation.lowercased() == "100-continue", openCount == 1
        else { return false }
        let byteCount = head.headerFields[.contentLength].flatMap { Int($0) } ?? 0
        return byteCount <= limits.maxBodyByteCount
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that sends no more may still read: it gets some time for its answer.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent, openCount > 0 {
            set(context, limits.halfClosedTimeout)
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: the answer

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): isLastAnswer = head.headerFields[.connection] == "close"
        case .body(let bytes): writtenByteCount += bytes.readableBytes
        case .end:
            openCount = max(0, openCount - 1)
            whenGone = nil
            if isLastAnswer {
                end(context)
            } else if openCount == 0, !isReceiving {
                waitForHead(context)
            }
        }
        context.write(data, promise: promise)
    }

    /// Drops what still comes. To close while the client sends would reset the connection, perhaps before the client has
    /// read its answer.
    private func end(_ context: ChannelHandlerContext) {
        isEnding = true
        set(context, isReceiving ? limits.lingerTime : .milliseconds(50))
    }

    /// A client that takes the answer too slowly is cut off: it is looked at as long as bytes wait for it.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable, reading == nil { lookLater(context) }
        context.fireChannelWritabilityChanged()
    }

    private func lookLater(_ context: ChannelHandlerContext) {
        let before = writtenByteCount
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        reading = context.eventLoop.scheduleTask(in: limits.readingTimeout) {
            let (pace, context) = bound.value
            pace.reading = nil
            guard !context.channel.isWritable else { return }
            if pace.writtenByteCount - before < pace.limits.steadyByteCount {
                context.close(promise: nil)
            } else {
                pace.lookLater(context)
            }
        }
    }

    // MARK: time

    private func waitForHead(_ context: ChannelHandlerContext) {
        set(context, connections.isCrowded ? limits.crowdedHeadTimeout : limits.headTimeout)
    }

    private func set(_ context: ChannelHandlerContext, _ time: TimeAmount) {
        let deadline = context.eventLoop.now + time
        self.deadline = deadline
        if alarm == nil || deadline < alarmTime { setAlarm(context, deadline) }
    }

    private func setAlarm(_ context: ChannelHandlerContext, _ time: NIODeadline) {
        alarm?.cancel()
        alarmTime = time
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        alarm = context.eventLoop.scheduleTask(deadline: time) {
            let (pace, context) = bound.value
            pace.ring(context)
        }
    }

    private func ring(_ context: ChannelHandlerContext) {
        alarm = nil
        guard let deadline else { return }
        guard deadline > context.eventLoop.now else { return context.channel.close(promise: nil) }
        setAlarm(context, deadline)
    }
}
