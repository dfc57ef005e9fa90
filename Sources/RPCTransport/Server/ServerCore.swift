import CNghttp2
import DequeModule
import NIOCore
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What all connections of a server share.
final class ServerCore: Sendable {
    let configuration: RPCServer.Configuration
    let methods: MethodTable
    let options: HTTP2Options
    let pools: WorkerPools
    let account: ServerAccount
    let connections: ConnectionTable
    let spareMemory: SpareMemory
    /// `:status`, `content-type` and the configured headers.
    let initialFields: FixedFields
    /// `grpc-status: 0`.
    let okTrailers: FixedFields
    let tickInterval: TimeAmount
    let isDraining = Atomic<Bool>(false)

    init(_ configuration: RPCServer.Configuration, methods: MethodTable) {
        self.configuration = configuration
        self.methods = methods
        account = ServerAccount(Admission(configuration))
        connections = ConnectionTable(configuration, account)
        options = HTTP2Options { options in
            nghttp2_option_set_stream_reset_rate_limit(
                options, UInt64(max(0, configuration.resetBurst)),
                UInt64(max(0, configuration.resetsPerSecond)))
        }
        pools = WorkerPools(configuration)
        spareMemory = SpareMemory(configuration.memoryIsFree)
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
            configuration.unreadAnswerTimeout / 10, configuration.slowRequestTimeout,
            configuration.idleTimeout)
        tickInterval = min(.seconds(1), max(.milliseconds(10), (shortest / 4).timeAmount))
    }

    private let lastLook = Atomic<UInt64>(0)

    /// Looks for spare memory at most once a second, however many event loops ask for it.
    func lookForSpareMemory() {
        let now = NIODeadline.now().uptimeNanoseconds
        let last = lastLook.load(ordering: .relaxed)
        let second = UInt64(TimeAmount.seconds(1).nanoseconds)
        guard now >= last + second,
            lastLook.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
        else { return }
        spareMemory.look(held: heldByteCount)
    }

    /// About what the server holds for all its clients.
    var heldByteCount: Int {
        account.requestByteCount + account.answerByteCount
            + connections.count * SpareMemory.connectionByteCount
    }
}

/// The threads of each class of work.
struct WorkerPools: Sendable {
    private let points: WorkerPool
    private let writes: WorkerPool
    private let walks: WorkerPool

    init(_ configuration: RPCServer.Configuration) {
        let capacity = configuration.workerQueueCapacity
        let walkThreads = max(2, configuration.walkThreadCount)
        points = WorkerPool(
            .init(
                name: "points", threadCount: configuration.workerThreadCount, batchLimit: 32,
                capacity: capacity))
        writes = WorkerPool(
            .init(
                name: "writes", threadCount: configuration.writeThreadCount, batchLimit: 1,
                capacity: capacity))
        walks = WorkerPool(
            .init(
                name: "walks", threadCount: walkThreads, batchLimit: 1, capacity: capacity,
                laneLimit: walkThreads / 2, isBackground: true))
    }

    func pool(of execution: RPCMethod.Execution) -> WorkerPool {
        switch execution {
        case .points, .eventLoop: points
        case .writes: writes
        case .walks: walks
        }
    }

    func start() throws {
        for pool in [points, writes, walks] { try pool.start() }
    }

    func stop() {
        for pool in [points, writes, walks] { pool.stop() }
    }

    /// Sends finished answers that wait for a slow handler later in their batch. Only points run in batches.
    func handOverAnswers() { points.handOverAnswers() }
}

/// Which connections there are: how many of each address, and their lanes in the workers' queues.
final class ConnectionTable: Sendable {
    private struct State {
        var byAddress: [String: Int] = [:]
        /// The longest free first: a lane may still have calls of the connection that it had.
        var freeLanes = Deque<Int>()
        var laneCount = 0
        var lastReport: NIODeadline?
    }

    private let state = Mutex(State())
    private let total = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let limit: Int
    private let limitPerAddress: Int
    /// Connections that only addresses with few others get; none where the limit for an address is set.
    private let reserve: Int
    private let account: ServerAccount

    init(_ configuration: RPCServer.Configuration, _ account: ServerAccount) {
        limit = max(1, configuration.maxConnections)
        limitPerAddress = configuration.maxConnectionsPerAddress ?? max(1, (limit + 1) / 2)
        reserve = configuration.maxConnectionsPerAddress == nil ? limit / 8 : 0
        self.account = account
    }

    var count: Int { total.load(ordering: .acquiring) }

    private var threshold: Int { limit - limit / 4 }
    /// Whether idle connections have to make room for others.
    var isShort: Bool { count >= max(1, threshold) && limit > 1 }
    var countAboveThreshold: Int { max(0, count - threshold) }

    /// Connections that were refused since they were reported last: at most once a minute, since a
    /// client that is refused may come again at once.
    func takeRefused(_ now: NIODeadline) -> Int {
        guard refused.load(ordering: .relaxed) > 0 else { return 0 }
        let isDue = state.withLock { state in
            if let last = state.lastReport, now - last < .minutes(1) { return false }
            state.lastReport = now
            return true
        }
        return isDue ? refused.exchange(0, ordering: .relaxed) : 0
    }

    /// The lane of a new connection; nil if there are too many.
    func admit(_ peer: PeerAddress) -> Int? {
        let lane = state.withLock { state -> Int? in
            let own = state.byAddress[peer.host, default: 0]
            let all = total.load(ordering: .relaxed)
            guard all < limit, own < limitPerAddress,
                all < limit - reserve || own < max(1, limit / 64)
            else { return nil }
            state.byAddress[peer.host, default: 0] += 1
            account.setConnectionCount(total.add(1, ordering: .acquiringAndReleasing).newValue)
            if let lane = state.freeLanes.popFirst() { return lane }
            state.laneCount += 1
            return state.laneCount - 1
        }
        if lane == nil { refused.add(1, ordering: .relaxed) }
        return lane
    }

    func forget(_ peer: PeerAddress, _ lane: Int) {
        state.withLock { state in
            let left = state.byAddress[peer.host, default: 1] - 1
            state.byAddress[peer.host] = left > 0 ? left : nil
            state.freeLanes.append(lane)
            account.setConnectionCount(
                total.subtract(1, ordering: .acquiringAndReleasing).newValue)
        }
    }
}

/// Where a client is.
struct PeerAddress: Sendable, CustomStringConvertible {
    /// What connections are counted by: the address without the port; of IPv6 the first 64 bits.
    let host: String
    let description: String

    /// The same process.
    static let inProcess = PeerAddress("in-process")

    private init(_ name: String) {
        host = name
        description = name
    }

    init(_ address: SocketAddress?) {
        guard let address else {
            host = "unknown"
            description = "unknown"
            return
        }
        guard let host = address.ipAddress, let port = address.port else {
            self.host = address.pathname ?? "unknown"
            description = self.host
            return
        }
        self.host = Self.network(of: host) ?? host
        description = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// The first 64 bits of an address of IPv6, which is what a customer is given, so that one cannot be
    /// thousands; nil for IPv4, also inside of IPv6.
    private static func network(of host: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, host, &bytes) == 1 else { return nil }
        let isIPv4 = bytes[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
        return isIPv4 ? nil : bytes[..<8].map { String($0, radix: 16) }.joined(separator: ":")
    }
}
