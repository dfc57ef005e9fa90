import NIOCore

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Stops accepting for 100 ms whenever the system gives no descriptor or memory for another
/// connection. Clients wait meanwhile in the listening socket's queue.
///
/// NIO's `AcceptBackoffHandler` delays the next read, but an accept that fails leaves the listening
/// socket registered with the selector (`readPending` stays set in `ServerSocketChannel`), so the
/// event loop would spin until then. Without automatic reads it is not registered.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)
    private static let reportInterval = TimeAmount.minutes(1)

    private let report: (@Sendable (RPCServer.Shortage) -> Void)?
    private var isPausing = false
    private var lastReport: NIODeadline?

    init(report: (@Sendable (RPCServer.Shortage) -> Void)?) { self.report = report }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError,
            [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode)
        else {
            context.fireErrorCaught(error)
            return
        }
        guard !isPausing else { return }
        isPausing = true
        let channel = context.channel
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isPausing = false
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
        let now = NIODeadline.now()
        if let lastReport, now - lastReport < Self.reportInterval { return }
        lastReport = now
        report?(.cannotAccept(reason: ErrnoText.describe(error.errnoCode)))
    }
}
