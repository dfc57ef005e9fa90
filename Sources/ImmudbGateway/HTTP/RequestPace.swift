import HTTPTypes
import NIOCore
import NIOHTTPTypes
import RPCTransport

/// Cuts off a client that sends its request or reads its answer too slowly; counts the connection.
///
/// A connection waits for the head of a request, receives its body, or answers. Each phase has its own clock. Slowly
/// arriving bytes do not reset the first two: when the time is over, the head must be complete, or a number of bytes
/// of the body must have arrived. Requests may be pipelined, and an answer may start before its request has ended:
/// the connection then still receives the request to its end.
final class RequestPace: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: RequestLimits
    private let connections: HostShares
    private var host: String?

    /// The time at which the connection is closed unless the current phase ends before; nil while
    /// it answers.
    private var deadline: NIODeadline?
    /// Fires at the deadline or before it, and is then set again, so that moving the deadline, as each request does,
    /// sets no timer.
    private var alarm: Scheduled<Void>?
    private var alarmTime = NIODeadline.distantFuture
    /// Whether the head of a request has arrived, but not its end.
    private var isReceiving = false
    /// Bytes of the body; and their number when the deadline was set.
    private var byteCount = 0
    private var steadyByteCount = 0
    /// Requests whose answers have not ended.
    private var openCount = 0

    /// Whether the current answer is the last one.
    private var isLastAnswer = false
    /// Whether the last answer was written; further input is dropped.
    private var isEnding = false

    /// Checks how much of an answer the client has read.
    private var reading: Scheduled<Void>?
    private var writtenByteCount = 0
    /// Called if the client disconnects before its answer has ended.
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

    /// Calls `body` if the client disconnects before its answer has ended. Must be called on the connection's event
    /// loop.
    func watch(_ body: @escaping @Sendable () -> Void) { whenGone = body }

    /// The handler is removed with its channel, even if that never became active.
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
            // The client has sent everything and only reads.
            if case .end = part { context.close(promise: nil) }
            return
        }
        switch part {
        case .head(let head):
            openCount += 1
            // The gateway must keep requests that are sent before an answer is read.
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
            // A larger body must arrive faster, since the gateway holds more until it ends.
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

    /// Returns whether the client waits for `100 Continue` before it sends a body of valid size.
    private func isAskedToContinue(_ head: HTTPRequest) -> Bool {
        guard let expectation = head.headerFields[.expect], expectation.utf8.count <= 16,
            expectation.lowercased() == "100-continue", openCount == 1
        else { return false }
        let byteCount = head.headerFields[.contentLength].flatMap { Int($0) } ?? 0
        return byteCount <= limits.maxBodyByteCount
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that has finished sending may still read: it gets some time for its answer.
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

    /// Drops further input. Closing while the client sends would reset the connection, perhaps before the client has
    /// read its answer.
    private func end(_ context: ChannelHandlerContext) {
        isEnding = true
        set(context, isReceiving ? limits.lingerTime : .milliseconds(50))
    }

    /// Cuts off a client that reads the answer too slowly; checks it as long as bytes wait for it.
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
