import CNghttp2
import NIOCore
import NIOPosix
import Synchronization

/// A gRPC server: listens, reads requests, runs their handlers, answers.
///
/// Nothing that a client sends can stop it: malformed bytes end their connection, malformed
/// requests are answered, and every resource that a client can take has a limit in
/// ``Configuration``. It lives until `shutdown`; letting go of it does not stop it.
public final class RPCServer: Sendable {
    private let core: ServerCore
    private let listener: any Channel
    private let group: MultiThreadedEventLoopGroup
    private let loops: [ServerLoop]
    private let ending = Mutex<Task<Void, Never>?>(nil)

    /// The port that it listens on.
    public let port: Int

    /// Bytes of answers that wait for their readers, see `AnswerBudget`.
    public var heldAnswerByteCount: Int { core.answers.heldByteCount }

    /// Starts the threads and listens. Throws `RPCError` `.unavailable` when it cannot listen on
    /// that address.
    public static func start(
        _ configuration: Configuration, methods: [RPCMethod]
    ) async throws -> RPCServer {
        let core = ServerCore(configuration, methods: MethodTable(methods))
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: max(1, configuration.eventLoopThreadCount))
        let loops = group.makeIterator().map { ServerLoop(eventLoop: $0, core: core) }
        do {
            let listener = try await bootstrap(group, core, loops)
                .bind(host: configuration.host, port: configuration.port).get()
            for loop in loops { loop.startTicking() }
            return RPCServer(core, listener, group, loops)
        } catch {
            core.workers.stop()
            core.blocking.stop()
            try? await group.shutdownGracefully()
            let place = "\(configuration.host):\(configuration.port)"
            throw RPCError(.unavailable, "cannot listen on \(place): \(describe(error))")
        }
    }

    private init(
        _ core: ServerCore, _ listener: any Channel, _ group: MultiThreadedEventLoopGroup,
        _ loops: [ServerLoop]
    ) {
        self.core = core
        self.listener = listener
        self.group = group
        self.loops = loops
        port = listener.localAddress?.port ?? 0
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup, _ core: ServerCore, _ loops: [ServerLoop]
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 4096, initial: 16 << 10, maximum: 128 << 10)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop })
                    else { preconditionFailure("a connection on a foreign event loop") }
                    guard core.admitConnection() else {
                        throw RPCError(.resourceExhausted, "too many connections")
                    }
                    // From here on the count goes down when the channel closes, whatever fails.
                    channel.closeFuture.whenComplete { _ in core.forgetConnection() }
                    try core.configuration.channelHook?(channel)
                    try channel.pipeline.syncOperations.addHandler(
                        ServerConnection(loop: loop, peer: channel.remoteAddress))
                }
            }
    }

    /// Clients that are connected now.
    public var connectionCount: Int { core.connectionCount.load(ordering: .acquiring) }

    /// Stops accepting, asks the clients to leave (GOAWAY), lets calls in flight finish, and after
    /// `deadline` ends what is left. When it returns, no connection and no event loop lives; a
    /// worker thread whose handler does not return stays until it does. A second call waits for the
    /// first one.
    ///
    /// - Parameter willCut: told at the deadline how many connections are about to be ended; not
    ///   called if there are none.
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
        for loop in loops { loop.beginDraining() }
        await waitForConnections(until: cutAt)
        let left = connectionCount
        if left > 0 { willCut(left) }
        while core.connectionCount.load(ordering: .acquiring) > 0 {
            for loop in loops { loop.cutAll() }
            await waitForConnections(until: .now() + .milliseconds(100))
        }
        core.workers.stop()
        core.blocking.stop()
        for loop in loops {
            while !loop.closeOutbox() { try? await Task.sleep(for: .milliseconds(1)) }
        }
        try? await group.shutdownGracefully()
    }

    private func waitForConnections(until deadline: NIODeadline) async {
        while core.connectionCount.load(ordering: .acquiring) > 0, .now() < deadline {
            // Not cancelled: whoever gives up waiting for a shutdown does not undo it.
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    private static func describe(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return ErrnoText.describe(error.errnoCode)
    }
}

/// What all connections of a server share.
final class ServerCore: Sendable {
    let configuration: RPCServer.Configuration
    let methods: MethodTable
    let options: HTTP2Options
    let workers: WorkerPool
    let blocking: WorkerPool
    /// `:status`, `content-type` and the configured headers.
    let initialFields: FixedFields
    /// `grpc-status: 0`.
    let okTrailers: FixedFields
    let tickInterval: TimeAmount
    let connectionCount = Atomic<Int>(0)
    let isDraining = Atomic<Bool>(false)
    /// Shares of one event loop and of one connection in `maxBufferedRequestByteCount`.
    let loopRequestByteCount: Int
    let connectionRequestByteCount: Int
    let answers: AnswerBudget

    init(_ configuration: RPCServer.Configuration, methods: MethodTable) {
        self.configuration = configuration
        self.methods = methods
        answers = AnswerBudget(configuration)
        options = HTTP2Options { options in
            nghttp2_option_set_stream_reset_rate_limit(
                options, UInt64(max(0, configuration.resetBurst)),
                UInt64(max(0, configuration.resetsPerSecond)))
        }
        workers = WorkerPool(
            threadCount: configuration.workerThreadCount, batchLimit: 32,
            capacity: configuration.workerQueueCapacity,
            byteCapacity: configuration.maxBufferedRequestByteCount)
        blocking = WorkerPool(
            threadCount: configuration.blockingThreadCount, batchLimit: 1,
            capacity: configuration.workerQueueCapacity,
            byteCapacity: configuration.maxBufferedRequestByteCount)
        var initial = HeaderBlock()
        initial.add(":status", "200")
        initial.add("content-type", "application/grpc")
        initial.add(configuration.initialHeaders)
        initialFields = FixedFields(initial)
        var ok = HeaderBlock()
        ok.add("grpc-status", "0")
        okTrailers = FixedFields(ok)
        let shortest = min(
            configuration.handshakeTimeout, configuration.keepaliveInterval,
            configuration.keepaliveTimeout, configuration.stalledWriteTimeout,
            configuration.unreadAnswerTimeout / 10)
        tickInterval = min(.seconds(1), max(.milliseconds(10), (shortest / 4).timeAmount))
        loopRequestByteCount =
            configuration.maxBufferedRequestByteCount / max(1, configuration.eventLoopThreadCount)
        connectionRequestByteCount = loopRequestByteCount / 2
    }

    func admitConnection() -> Bool {
        let count = connectionCount.add(1, ordering: .acquiringAndReleasing).newValue
        answers.divide(among: count)
        if count <= configuration.maxConnections { return true }
        forgetConnection()
        return false
    }

    func forgetConnection() {
        answers.divide(
            among: connectionCount.subtract(1, ordering: .acquiringAndReleasing).newValue)
    }
}
