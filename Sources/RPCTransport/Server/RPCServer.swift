import CNghttp2
import NIOCore
import NIOPosix
import POSIX
import Synchronization

/// A gRPC server: listens, reads requests, runs their handlers, and sends the answers.
///
/// Nothing that a client sends can stop it: malformed bytes end their connection, malformed requests are answered, and
/// every resource that a client can take has a limit in ``Configuration``. It runs until `shutdown`; releasing the
/// object does not stop it.
public final class RPCServer: Sendable {
    private let core: ServerCore
    private let listener: any Channel
    private let group: MultiThreadedEventLoopGroup
    private let loops: [LoopHandle]

    private let ending = Mutex<Task<Void, Never>?>(nil)

    /// The port that it listens on.
    public let port: Int

    /// Bytes of answers that wait for their clients, see `Admission`.
    public var heldAnswerByteCount: Int { core.account.answerByteCount }

    /// Bytes of requests that are not answered, see `Admission`.
    public var heldRequestByteCount: Int { core.account.requestByteCount }

    /// Starts the threads and listens. Throws `RPCError` `.unavailable` if it cannot listen on the address, or the
    /// system gives it no threads.
    public static func start(
        _ configuration: Configuration, methods: [RPCMethod]
    ) async throws -> RPCServer {
        let methods =
            configuration.interceptor.map { interceptor in
                methods.map { $0.intercepted(by: interceptor) }
            } ?? methods
        let core = ServerCore(configuration, methods: MethodTable(methods))
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: max(1, configuration.eventLoopThreadCount))
        do {
            try core.pools.start()
            var loops: [LoopHandle] = []
            for eventLoop in group.makeIterator() {
                loops.append(try await ServerLoop.make(on: eventLoop, core))
            }
            let listener = try await bootstrap(group, core, loops)
                .bind(host: configuration.host, port: configuration.port).get()
            return RPCServer(core, listener, group, loops)
        } catch {
            core.pools.stop()
            try? await group.shutdownGracefully()
            if let error = error as? RPCError { throw error }
            let address = "\(configuration.host):\(configuration.port)"
            throw RPCError(
                .unavailable, "cannot listen on \(address): \(ListeningFailure(error).reason)")
        }
    }

    private init(
        _ core: ServerCore, _ listener: any Channel, _ group: MultiThreadedEventLoopGroup,
        _ loops: [LoopHandle]
    ) {
        self.core = core
        self.listener = listener
        self.group = group
        self.loops = loops
        port = listener.localAddress?.port ?? 0
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup, _ core: ServerCore,
        _ loops: [LoopHandle]
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: AcceptPause.acceptsPerRead)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptPause(report: core.configuration.shortage))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: readAllocator)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try takeConnection(
                        channel, from: PeerAddress(channel.remoteAddress), core, loops,
                        tls: core.configuration.tls, hook: core.configuration.channelHook)
                }
            }
    }

    /// Reads once per connection, so that the other connections have their turns.
    private static let readAllocator = AdaptiveRecvByteBufferAllocator(
        minimum: 4 << 10, initial: 4 << 10, maximum: HTTP2Connection.largestRead)

    /// Turns a channel into a connection of the server, on the channel's event loop.
    ///
    /// - Throws: if there are too many connections; the caller then closes the channel.
    private static func takeConnection(
        _ channel: any Channel, from peer: PeerAddress, _ core: ServerCore, _ loops: [LoopHandle],
        tls: ServerTLS?, hook: (@Sendable (any Channel) throws -> Void)?
    ) throws {
        guard
            let loop = loops.first(where: { $0.eventLoop === channel.eventLoop })?.loop.value
        else { preconditionFailure("a connection on an event loop of another server") }
        guard let lane = core.connections.admit(peer) else {
            throw RPCError(.resourceExhausted, "too many connections")
        }
        // From here on the connection is uncounted when the channel closes, whatever fails.
        channel.closeFuture.whenComplete { _ in core.connections.forget(peer, lane) }
        try hook?(channel)
        let http2 = HTTP2Connection(loop.turns)
        let connection = ServerConnection(
            loop: loop, http2: http2, peer: peer, lane: lane)
        if let tls {
            let origin = connection.origin
            try TLSHandshake.serve(
                tls, on: channel, http2, loop.turns,
                done: { origin.set(peerCertificate: $0) },
                failed: { core.handshakes.note(origin.peerAddress, $0) })
        }
        http2.setDelegate(connection)
        try channel.pipeline.syncOperations.addHandler(http2)
    }

    /// Connects a client of the same process, without the network, its port and its TLS.
    ///
    /// The limits and turns of any connection apply. The calls' ``ServerCall/peerAddress`` is ``inProcessAddress``.
    ///
    /// - Parameter forOthers: whether the client calls for others. Then it does not count as from
    ///   this machine.
    /// - Returns: a socket that is connected to this server. The caller closes it.
    /// - Throws: `RPCError` `.unavailable` after `shutdown` has begun, or if the system has no descriptors
    ///   left.
    func connectInProcess(forOthers: Bool) throws(RPCError) -> NIOBSDSocket.Handle {
        guard !core.isDraining.load(ordering: .acquiring) else {
            throw RPCError(.unavailable, "the server has been shut down")
        }
        let (own, others) = try Result { () throws(Errno) in try connectedSockets() }
            .mapError { RPCError(.unavailable, "cannot connect within the process: \($0)") }
            .get()
        let peer = forOthers ? PeerAddress.inProcessForOthers : .inProcess
        // NIO takes the socket. If it cannot become a connection, NIO closes it, which the client notices.
        _ = ClientBootstrap(group: group)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: Self.readAllocator)
            .channelInitializer { [core, loops] channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.takeConnection(channel, from: peer, core, loops, tls: nil, hook: nil)
                }
            }
            .withConnectedSocket(own.rawValue)
        return others.rawValue
    }

    /// The address of clients in the same process.
    public static let inProcessAddress = PeerAddress.inProcess.description

    /// The calls and large answers that wait for a thread, by the name of their class of work.
    public var waitingCallCounts: [(name: String, count: Int)] { core.pools.waitingCounts }

    /// Sets the headers for answers on later connections, and asks the clients of the current ones to connect again
    /// (GOAWAY). Calls in flight finish.
    public func replaceInitialHeaders(_ headers: Metadata) {
        let headers = InitialHeaders(headers)
        core.initialHeaders.withLock { $0 = headers }
        for loop in loops { loop.execute { $0.beginDraining() } }
    }

    /// The number of connected clients.
    public var connectionCount: Int { core.connections.count }

    /// Stops accepting, asks the clients to close their connections (GOAWAY), lets calls in flight finish, and ends the
    /// rest after `deadline`. When it returns, all connections and event loops have ended; a worker thread whose
    /// handler does not return stays until it does. A second call of this function waits for the first one.
    ///
    /// - Parameter willCut: called at the deadline with the number of connections that are about to be ended, if there
    ///   are any.
    public func shutdown(
        deadline: Duration, willCut: @escaping @Sendable (Int) -> Void = { _ in }
    ) async {
        let task = ending.withLock { ending in
            if let ending { return ending }
            let task = Task { await self.end(deadline, willCut) }
            ending = task
            return task
        }
        await task.value
    }

    private func end(
        _ deadline: Duration, _ willCut: @Sendable (Int) -> Void
    ) async {
        let cutAt = NIODeadline.now() + deadline.timeAmount
        core.isDraining.store(true, ordering: .releasing)
        try? await listener.close().get()
        for loop in loops { loop.execute { $0.beginDraining() } }
        await waitForConnections(until: cutAt)
        let left = connectionCount
        if left > 0 { willCut(left) }
        while core.connections.count > 0 {
            for loop in loops { loop.execute { $0.cutAll() } }
            await waitForConnections(until: .now() + .milliseconds(100))
        }
        for loop in loops { loop.execute { $0.turns.finish() } }
        core.pools.stop()
        for loop in loops {
            while !loop.mailbox.close() { try? await Task.sleep(for: .milliseconds(1)) }
        }
        try? await group.shutdownGracefully()
    }

    private func waitForConnections(until deadline: NIODeadline) async {
        while core.connections.count > 0, .now() < deadline {
            // Ignores cancellation: a task that gives up waiting for a shutdown does not undo it.
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}
