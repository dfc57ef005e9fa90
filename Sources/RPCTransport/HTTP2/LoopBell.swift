import NIOCore
import NIOPosix
import POSIX

/// Brings an event loop back to something as soon as it has looked at its sockets.
///
/// NIO runs the tasks of a loop until there are none left, also those that are added and those that
/// come due meanwhile: a loop that always has a task never looks at its sockets again. The bell is a
/// pipe, and its reading end is one of the loop's sockets. Event loop only.
final class LoopBell {
    private static let sound = ByteBuffer(bytes: [1])

    private let channel: any Channel
    private var isRung = false

    private init(_ channel: any Channel) { self.channel = channel }

    /// - Parameter rung: called once for all that ring before it is.
    /// - Throws: `Errno`, or NIO's error.
    static func hang(
        on eventLoop: any EventLoop, _ rung: @escaping () -> Void
    ) -> EventLoopFuture<LoopBell> {
        eventLoop.assertInEventLoop()
        let handler = NIOLoopBound(Ear(rung), eventLoop: eventLoop)
        return eventLoop.makeCompletedFuture { try makePipe() }
            .flatMap { ends in
                NIOPipeBootstrap(group: eventLoop)
                    .channelOption(.maxMessagesPerRead, value: 1)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(handler.value)
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
                let bell = LoopBell(channel)
                handler.value.bell = bell
                return bell
            }
            .nonisolated()
    }

    func ring() {
        guard !isRung else { return }
        isRung = true
        channel.writeAndFlush(Self.sound, promise: nil)
    }

    /// The event loop of a server closes it by its own end.
    func close() { channel.close(promise: nil) }

    /// The end of the pipe that is read.
    private final class Ear: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        weak var bell: LoopBell?
        private let rung: () -> Void

        init(_ rung: @escaping () -> Void) { self.rung = rung }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bell?.isRung = false
            rung()
        }
    }
}

/// Both ends of a new pipe, which no child process gets.
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
