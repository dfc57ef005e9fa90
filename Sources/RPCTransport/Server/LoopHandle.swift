import NIOCore

/// A reference to an event loop's part of a server, for other threads.
struct LoopHandle: Sendable {
    let eventLoop: any EventLoop
    let mailbox: LoopMailbox
    let loop: NIOLoopBound<ServerLoop>

    /// Makes the handle. Called on the event loop.
    init(_ loop: ServerLoop) {
        eventLoop = loop.eventLoop
        mailbox = loop.mailbox
        self.loop = NIOLoopBound(loop, eventLoop: loop.eventLoop)
    }

    func execute(_ body: @escaping @Sendable (ServerLoop) -> Void) {
        eventLoop.execute { body(loop.value) }
    }
}
