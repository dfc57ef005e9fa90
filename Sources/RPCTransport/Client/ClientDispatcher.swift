import CNghttp2
import NIOCore
import Synchronization

/// Passes commands of an application's tasks to the client's event loop, many at a time.
final class ClientDispatcher: Sendable {
    enum Command: Sendable {
        case start(ClientRequest)
        case cancel(ClientRequest)
        /// The application has taken a message of a stream.
        case took(ClientRequest)
        case shutDown
    }

    private struct Inbox {
        var commands: [Command] = []
        var isScheduled = false
    }

    let eventLoop: any EventLoop
    let closed: EventLoopPromise<Void>
    private let configuration: RPCClient.Configuration
    private let inbox = Mutex(Inbox())
    private let loop: NIOLoopBoundBox<ClientLoop?>

    init(_ configuration: RPCClient.Configuration, on eventLoop: any EventLoop) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        loop = .makeEmptyBox(valueType: ClientLoop.self, eventLoop: eventLoop)
        closed = eventLoop.makePromise()
    }

    /// Posts a command, from any thread. The event loop takes all that have been posted at once.
    func post(_ command: Command) {
        let mustExecute = inbox.withLock { inbox in
            inbox.commands.append(command)
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
        if mustExecute { eventLoop.execute { self.emptyInbox() } }
    }

    private func emptyInbox() {
        let commands = inbox.withLock { inbox in
            inbox.isScheduled = false
            defer { inbox.commands = [] }
            return inbox.commands
        }
        let loop = self.loop.value ?? makeLoop()
        for command in commands {
            switch command {
            case .start(let request): loop.start(request)
            case .cancel(let request): loop.cancel(request)
            case .took(let request): loop.took(request)
            case .shutDown: loop.shutDown()
            }
        }
        loop.sendPending()
    }

    private func makeLoop() -> ClientLoop {
        let made = ClientLoop(configuration, on: eventLoop, closed: closed)
        loop.value = made
        return made
    }
}
