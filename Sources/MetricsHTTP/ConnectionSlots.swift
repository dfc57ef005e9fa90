import NIOCore
import NIOHTTPTypes
import Synchronization

/// The connections of an endpoint, at most so many. One more ends another: of those that wait for a request, the one that has
/// waited longest; if all are answered, the one whose answer takes longest. So clients that connect and send nothing keep
/// nobody out.
final class ConnectionSlots: Sendable {
    private struct Connection {
        let channel: any Channel
        var isAnswered = false
        /// Since when it is in this state.
        var since = NIODeadline.now()
    }

    let limit: Int
    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])

    /// - Parameter limit: at least 1.
    init(limit: Int) { self.limit = limit }

    func add(_ channel: any Channel) {
        let surplus = connections.withLock { connections -> (any Channel)? in
            var surplus: (any Channel)?
            if connections.count >= limit {
                let oldest = connections.min { left, right in
                    guard left.value.isAnswered == right.value.isAnswered else {
                        return right.value.isAnswered
                    }
                    return left.value.since < right.value.since
                }
                surplus = oldest.flatMap { connections.removeValue(forKey: $0.key) }?.channel
            }
            connections[ObjectIdentifier(channel)] = Connection(channel: channel)
            return surplus
        }
        surplus?.close(promise: nil)
    }

    func remove(_ channel: any Channel) {
        connections.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    func note(_ channel: any Channel, isAnswered: Bool) {
        connections.withLock { connections in
            connections[ObjectIdentifier(channel)]?.isAnswered = isAnswered
            connections[ObjectIdentifier(channel)]?.since = .now()
        }
    }
}

/// Takes a slot for its connection, and says when the connection has a request to answer.
final class SlotHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let slots: ConnectionSlots

    init(_ slots: ConnectionSlots) { self.slots = slots }

    /// Not before: a channel that is closed while it is set up is more than it can bear.
    func channelActive(context: ChannelHandlerContext) {
        slots.add(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        slots.remove(context.channel)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head = unwrapInboundIn(data) { slots.note(context.channel, isAnswered: true) }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else {
            return context.write(data, promise: promise)
        }
        let promise = promise ?? context.eventLoop.makePromise()
        let (slots, channel) = (slots, context.channel)
        // When the client has it, and not when it is queued.
        promise.futureResult.whenComplete { _ in slots.note(channel, isAnswered: false) }
        context.write(data, promise: promise)
    }
}
