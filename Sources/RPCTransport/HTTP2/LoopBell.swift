import NIOCore
import NIOPosix
import POSIX

/// Calls a function after an event loop's next poll of its sockets.
///
/// NIO runs a loop's tasks until none is left, including tasks that are added and timers that come due
/// meanwhile. A loop that always has a task never polls its sockets again, so a task cannot do this. The
/// bell is a pipe, and the loop polls its reading end as one of the sockets. Event loop only.
final class LoopBell {
    private static let sound = ByteBuffer(bytes: [1])
    /// The time until a bell without its pipe is heard.
    private static let timerDelay = TimeAmount.microseconds(50)

    private let channel: any Channel
    private let rung: () -> Void
    private var isRung = false
    /// Whether a system call on the pipe has failed. A timer then replaces it: the sockets may wait for tasks, but
    /// the loop continues.
    private var isBroken = false

    private init(_ channel: any Channel, _ rung: @escaping () -> Void) {
        self.channel = channel
        self.rung = rung
    }

    /// - Parameter rung: called once after the next poll, however often `ring` was called.
    /// - Throws: `Errno`, or NIO's error.
    static func hang(
        on eventLoop: any EventLoop, _ rung: @escaping () -> Void
    ) -> EventLoopFuture<LoopBell> {
        eventLoop.assertInEventLoop()
        let ear = NIOLoopBound(Ear(), eventLoop: eventLoop)
        return eventLoop.makeCompletedFuture { try makePipe() }
            .flatMap { ends in
                NIOPipeBootstrap(group: eventLoop)
                    .channelOption(.maxMessagesPerRead, value: 1)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(ear.value)
                        }
                    }
                    .takingOwnershipOfDescriptors(
                        input: ends.input.rawValue, output: ends.output.rawValue
                    )
                    .flatMapErrorThrowing { error in
                        try? ends.input.close()
                        try? ends.output.close()
                        throw error
                    }
            }
            .assumeIsolated()
            .map { channel in
                let bell = LoopBell(channel, rung)
                ear.value.bell = bell
                return bell
            }
            .nonisolated()
    }

    func ring() {
        guard !isRung else { return }
        isRung = true
        // A system call on the pipe may have failed before `ear.bell` was set.
        if !channel.isActive { isBroken = true }
        if isBroken { hearLater() } else { channel.writeAndFlush(Self.sound, promise: nil) }
    }

    private func hear() {
        isRung = false
        rung()
    }

    private func hearLater() {
        channel.eventLoop.assumeIsolated().scheduleTask(in: Self.timerDelay) { self.hear() }
    }

    /// Replaces the pipe by a timer. It was closed by `close`, by the end of the loop, or by NIO after a failed system
    /// call.
    private func breakDown() {
        guard !isBroken else { return }
        isBroken = true
        if isRung { hearLater() }
    }

    /// Closes the pipe. An event loop that ends closes it, too.
    func close() { channel.close(promise: nil) }

    /// Listens at the reading end of the pipe.
    private final class Ear: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        weak var bell: LoopBell?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { bell?.hear() }

        func channelInactive(context: ChannelHandlerContext) {
            bell?.breakDown()
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}

/// Opens a pipe that child processes do not inherit.
private func makePipe() throws -> (
    input: SystemPackage.FileDescriptor, output: SystemPackage.FileDescriptor
) {
    let (input, output) = try SystemPackage.FileDescriptor.pipe()
    do {
        try input.closeOnExec()
        try output.closeOnExec()
        return (input, output)
    } catch {
        try? input.close()
        try? output.close()
        throw error
    }
}
