import NIOCore
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Stops accepting for 100 ms when the system has no descriptor or memory for another connection, and while many
/// accepted connections wait for a busy event loop. Only the event loop counts connections, and refuses those beyond
/// the limit. Clients wait meanwhile in the listening socket's queue.
///
/// When the descriptors are used up, it releases its own spare ones to the rest of the process, and accepts again
/// when it has regained them and another one is free.
///
/// NIO's `AcceptBackoffHandler` delays the next read, but an accept that fails leaves the listening
/// socket registered with the selector (`readPending` stays set in `ServerSocketChannel`), so the
/// event loop would spin until then. Without automatic reads the socket is not registered.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)
    private static let reportInterval = TimeAmount.minutes(1)
    /// The limit of connections that were accepted and that their event loop has not counted. Up to `acceptsPerRead`
    /// may be added before NIO checks whether it may continue.
    private static let maxUncounted = 8
    static let acceptsPerRead: UInt = 4

    private let report: (@Sendable (RPCServer.Shortage) -> Void)?
    private var spare = SpareDescriptors()
    private var isPausing = false
    private var uncounted = 0
    private var lastReport: NIODeadline?

    init(report: (@Sendable (RPCServer.Shortage) -> Void)?) { self.report = report }

    func handlerAdded(context: ChannelHandlerContext) { _ = spare.take() }
    func handlerRemoved(context: ChannelHandlerContext) { spare.release() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let connection = unwrapInboundIn(data)
        context.fireChannelRead(data)
        uncounted += 1
        if uncounted == Self.maxUncounted { setAccepting(context.channel) }
        // Runs after the code that makes it a connection of the server.
        let listener = NIOLoopBound((self, context.channel), eventLoop: context.eventLoop)
        connection.eventLoop.execute {
            listener.eventLoop.execute { listener.value.0.counted(listener.value.1) }
        }
    }

    private func counted(_ channel: any Channel) {
        uncounted -= 1
        if uncounted == Self.maxUncounted - 1 { setAccepting(channel) }
    }

    private func setAccepting(_ channel: any Channel) {
        let accepts = !isPausing && uncounted < Self.maxUncounted
        try? channel.syncOptions?.setOption(.autoRead, value: accepts)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError,
            [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode)
        else {
            context.fireErrorCaught(error)
            return
        }
        guard !isPausing else { return }
        isPausing = true
        spare.release()
        setAccepting(context.channel)
        resumeLater(context.channel)
        let now = NIODeadline.now()
        if let lastReport, now - lastReport < Self.reportInterval { return }
        lastReport = now
        report?(.cannotAccept(reason: Errno(rawValue: error.errnoCode).description))
    }

    private func resumeLater(_ channel: any Channel) {
        channel.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            guard channel.isActive else { return }
            guard self.spare.take() else { return self.resumeLater(channel) }
            self.isPausing = false
            self.setAccepting(channel)
        }
    }
}
