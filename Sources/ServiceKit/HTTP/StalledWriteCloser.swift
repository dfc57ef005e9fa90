public import NIOCore

/// Closes a connection whose client does not read its answers.
public final class StalledWriteCloser: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = Never

    private static let timeout = TimeAmount.seconds(5)

    private var closing: Scheduled<Void>?

    public init() {}

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        closing?.cancel()
        closing = nil
        if !context.channel.isWritable {
            let channel = context.channel
            closing = context.eventLoop.scheduleTask(in: Self.timeout) {
                channel.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    public func channelInactive(context: ChannelHandlerContext) {
        closing?.cancel()
        context.fireChannelInactive()
    }
}
