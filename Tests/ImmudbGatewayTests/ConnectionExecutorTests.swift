import HTTPTypes
import Hummingbird
import HummingbirdCore
import ImmudbProtocol
import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import RPCTransport
import Synchronization
import Testing

@testable import ImmudbGateway

@Suite("The executor of a connection")
struct ConnectionExecutorTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let limits = RequestLimits()

    private func withConnection(
        _ body: (GatewayConnection) async throws -> Void
    ) async rethrows {
        let connection = GatewayConnection(loop, from: nil)
        try await GatewayConnection.$current.withValue(connection) {
            try await withTaskExecutorPreference(connection.executor) {
                try await body(connection)
            }
        }
    }

    private func withExecutor(_ body: (ConnectionExecutor) async throws -> Void) async rethrows {
        try await withConnection { try await body($0.executor) }
    }

    /// Whether the calling task runs on the loop.
    private func isOnLoop() async -> Bool { loop.inEventLoop }

    /// Suspends a task that runs on the loop.
    private func suspend() async {
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume() }
        }
    }

    /// Suspends a task that runs elsewhere, until it is on the loop, or some seconds have gone by.
    private func comesToLoop() async -> Bool {
        let end = ContinuousClock.now + .seconds(10)
        while await !isOnLoop(), ContinuousClock.now < end { await suspend() }
        return await isOnLoop()
    }

    @Test(
        "runs the task on its event loop, elsewhere once it leaves, and there again for the next request"
    )
    func leaving() async {
        await withExecutor { executor in
            #expect(await isOnLoop())
            await executor.leaveLoop()
            #expect(await !isOnLoop())
            await Task.yield()
            #expect(await !isOnLoop())
            await executor.beginRequest()
            #expect(await comesToLoop())
            executor.leaveLoopLater()
            #expect(await isOnLoop())
            await suspend()
            #expect(await !isOnLoop())
        }
        #expect(await !isOnLoop())
    }

    @Test("leaves the loop each time that it is to leave it")
    func manyDepartures() async {
        var stayCount = 0
        await withExecutor { executor in
            for _ in 0..<2_000 {
                await executor.leaveLoop()
                if await isOnLoop() { stayCount += 1 }
                await executor.beginRequest()
                if await !comesToLoop() { stayCount += 1 }
            }
        }
        #expect(stayCount == 0)
    }

    @Test("is that of child tasks, and not of others that the task starts")
    func otherTasks() async {
        await withExecutor { _ in
            async let child = isOnLoop()
            #expect(await child)
            #expect(await Task { await isOnLoop() }.value == false)
            #expect(await Task.detached { await isOnLoop() }.value == false)
        }
    }

    @Test("lets others have the loop after some requests that wait for nothing")
    func turns() async {
        let hasRun = Atomic(false)
        await withExecutor { executor in
            loop.execute { hasRun.store(true, ordering: .relaxed) }
            for _ in 0..<ConnectionExecutor.turnRequestCount { await executor.beginRequest() }
            let hasRunEarly = hasRun.load(ordering: .relaxed)
            #expect(!hasRunEarly)
            await executor.beginRequest()
            let hasRunAtLast = hasRun.load(ordering: .relaxed)
            #expect(hasRunAtLast)
        }
    }

    @Test("runs each part of each task once, wherever the tasks go")
    func manyTasks() async {
        let count = await withTaskGroup(of: Int.self) { group in
            for number in 0..<100 { group.addTask { await steps(number) } }
            return await group.reduce(0, +)
        }
        #expect(count == 100 * 50)
    }

    private func steps(_ number: Int) async -> Int {
        var count = 0
        await withExecutor { executor in
            for step in 0..<50 {
                switch (number + step) % 3 {
                case 0: await executor.leaveLoop()
                case 1: await executor.beginRequest()
                default: await Task.yield()
                }
                count += 1
            }
        }
        return count
    }

    @Test("goes on with a task that is cancelled while it is elsewhere")
    func cancellation() async {
        let task = Task {
            await withExecutor { executor in
                await executor.leaveLoop()
                try? await Task.sleep(for: .seconds(60))
                await executor.beginRequest()
                #expect(await comesToLoop())
            }
        }
        task.cancel()
        await task.value
    }

    // MARK: what leaves

    private func room(_ connection: GatewayConnection) -> Room {
        Room(of: connection, in: HostShares(limit: limits.maxHeldByteCount))
    }

    private func request(_ body: String, _ connection: GatewayConnection) -> GatewayRequest {
        GatewayRequest(
            body: ByteBuffer(string: body), parameter: nil, metadata: Metadata(),
            statedTimeout: nil, connection: connection, room: room(connection), limits: limits)
    }

    @Test(
        "is left by large bodies as they are received", arguments: [(100, true), (20_000, false)])
    func receiving(byteCount: Int, staysOnLoop: Bool) async throws {
        try await withConnection { connection in
            let request = Request(
                head: .init(method: .post, scheme: "http", authority: "x", path: "/"),
                body: .init(
                    buffer: ByteBuffer(string: "\"\(String(repeating: "a", count: byteCount))\"")))
            _ = try await BodyReader.read(request, limits, room(connection))
            #expect(await isOnLoop() == staysOnLoop)
        }
    }

    @Test(
        "is left by what JSONDecoder reads, unless it is short, and not by plain JSON",
        arguments: [
            (#"{"key":"YQ=="}"#, true), (#"{"key":"YQ==","x":1}"#, true),
            (#"{"key":"\#(String(repeating: "YWJj", count: 3_000))"}"#, true),
            (#"{"key":"YQ==","x":"\#(String(repeating: "a", count: 2_000))"}"#, false),
        ])
    func reading(body: String, staysOnLoop: Bool) async throws {
        try await withConnection { connection in
            let key = try await request(body, connection).message(Shapes.key)
            #expect(!key.key.isEmpty)
            #expect(await isOnLoop() == staysOnLoop)
        }
    }

    @Test(
        "is left by large answers before they are decoded",
        arguments: [(100, true), (20_000, false)])
    func answers(byteCount: Int, staysOnLoop: Bool) async {
        await withConnection { connection in
            let admit = request("", connection).admission
            #expect(admit(byteCount))
            await suspend()
            #expect(await isOnLoop() == staysOnLoop)
        }
    }

    @Test(
        "is left by pages, and by paths that are long",
        arguments: [
            ("/healthz", false), ("/nothing", false),
            ("/v1/immurestproxy/item/safe", true),
            ("/v1/immurestproxy/item/\(String(repeating: ":", count: 5_000))", false),
        ])
    func responding(path: String, staysOnLoop: Bool) async throws {
        let core = GatewayCore.unconnected(limits)
        let responder = GatewayResponder(core: core, pages: Pages(Gateway.makeRegistry()))
        try await withExecutor { _ in
            let request = Request(
                head: .init(method: .put, scheme: "http", authority: "x", path: path),
                body: .init(buffer: ByteBuffer()))
            let channel = NIOAsyncTestingChannel()
            let context = GatewayContext(
                source: .init(channel: channel, logger: core.log))
            let response = try await responder.respond(to: request, context: context)
            #expect(response.status != .ok)
            #expect(await isOnLoop() == staysOnLoop)
        }
        await core.upstream.close()
    }
}

extension GatewayCore {
    /// A core whose immudb is nowhere.
    fileprivate static func unconnected(_ limits: RequestLimits) -> GatewayCore {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let failures = FailureLog(log)
        return GatewayCore(
            options: GatewayOptions(), limits: limits,
            upstream: Upstream(
                .init(host: "127.0.0.1", port: 1), address: "127.0.0.1:1", isEmbedded: false,
                directory: "", log: log, failures: failures),
            metrics: GatewayMetrics(Gateway.makeRegistry()),
            held: HostShares(limit: limits.maxHeldByteCount),
            connections: HostShares(limit: limits.maxConnections),
            calls: HostShares(limit: limits.maxCallCount),
            logins: HostShares(limit: limits.maxLoginCount),
            dumps: HostShares(limit: limits.maxDumpCount), log: log, failures: failures)
    }
}
