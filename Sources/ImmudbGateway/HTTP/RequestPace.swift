import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// The connections that are open, and whether there is room for another.
final class ConnectionCount: Sendable {
    private struct State {
        var total = 0
        var byHost: [String: Int] = [:]
    }

    let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    var current: Int { state.withLock { $0.total } }
    var isCrowded: Bool { current > limit / 4 * 3 }

    /// Counts a connection; returns false if there are too many, or if one host has half of them.
    func admit(_ host: String) -> Bool {
        state.withLock { state in
            let ofHost = state.byHost[host, default: 0]
            guard state.total < limit, ofHost < limit / 2 else { return false }
            state.total += 1
            state.byHost[host] = ofHost + 1
            return true
        }
    }

    func forget(_ host: String) {
        state.withLock { state in
            state.total -= 1
            let ofHost = state.byHost[host, default: 1] - 1
            state.byHost[host] = ofHost == 0 ? nil : ofHost
        }
    }
}

/// Cuts off a client that sends its request too slowly, or does not read its answer; counts the connection.
///
/// Each phase of a connection has its own clock, which bytes that trickle in do not reset.
final class RequestPace: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private static let steadyByteCount = 64 << 10

    private let limits: RequestLimits
    private let connections: ConnectionCount
    private var host: String?
    private var timer: Scheduled<Void>?
    private var stall: Scheduled<Void>?
    /// Bytes of the body since the timer was set.
    private var byteCount = 0
    /// Requests whose answers have not ended.
    private var openCount = 0
    /// Whether the connection ends with the present answer.
    private var isLastAnswer = false
    /// Called when the client has gone before its answer has ended.
    private var whenGone: (@Sendable () -> Void)?

    init(_ limits: RequestLimits, _ connections: ConnectionCount) {
        self.limits = limits
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let host = context.channel.remoteAddress?.ipAddress ?? "unknown"
        guard connections.admit(host) else { return context.close(promise: nil) }
        self.host = host
        waitForHead(context)
    }

    /// Calls `body` if the client goes before its answer has ended. On the event loop of the connection.
    func watch(_ body: @escaping @Sendable () -> Void) { whenGone = body }

    /// The handler goes with its channel, also with one that never became active.
    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        stall?.cancel()
        whenGone?()
        whenGone = nil
        if let host { connections.forget(host) }
        host = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            openCount += 1
            byteCount = 0
            set(context, limits.bodyTimeout)
        case .body where isLastAnswer: break
        case .body(let bytes):
            byteCount += bytes.readableBytes
            if byteCount >= Self.steadyByteCount {
                byteCount = 0
                set(context, limits.bodyTimeout)
            }
        case .end:
            if !isLastAnswer {
                timer?.cancel()
                timer = nil
            }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): isLastAnswer = head.headerFields[.connection] == "close"
        case .body: break
        case .end:
            openCount = max(0, openCount - 1)
            whenGone = nil
            if isLastAnswer {
                // A moment, in which the client reads the answer and the rest of its request is dropped: to close at
                // once could reset the connection before the answer is read.
                set(context, limits.lingerTime)
            } else if openCount == 0 {
                waitForHead(context)
            }
        }
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that sends no more may still read: it gets some time for its answer.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent, openCount > 0 {
            set(context, limits.halfClosedTimeout)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stall?.cancel()
        stall = nil
        if !context.channel.isWritable {
            stall = close(context, in: limits.stalledWriteTimeout)
        }
        context.fireChannelWritabilityChanged()
    }

    private func waitForHead(_ context: ChannelHandlerContext) {
        set(context, connections.isCrowded ? limits.crowdedHeadTimeout : limits.headTimeout)
    }

    private func set(_ context: ChannelHandlerContext, _ time: TimeAmount) {
        timer?.cancel()
        timer = close(context, in: time)
    }

    private func close(_ context: ChannelHandlerContext, in time: TimeAmount) -> Scheduled<Void> {
        let channel = context.channel
        return context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}
