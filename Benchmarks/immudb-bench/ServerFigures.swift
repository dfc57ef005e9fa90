import Foundation
import Glibc
import ImmudbProtocol
import ImmudbStore
import RPCTransport
import SwiftProtobuf
import Synchronization

private let inFlight = 64
private let echoPort = 45_322
private let serverPort = 45_323

/// The server of the echo figure, in a process of its own; ends when it is killed.
func serveEcho() async throws {
    let echo = RPCMethod.unary("/bench.Bench/Echo") {
        (request: Google_Protobuf_BytesValue, call: ServerCall) in call.reply(request)
    }
    let server = try await RPCServer.start(
        RPCServer.Configuration(host: "127.0.0.1", port: echoPort), methods: [echo])
    while true { try await Task.sleep(for: .seconds(3600)) }
    withExtendedLifetime(server) {}
}

/// What a call costs the server: its CPU time, from /proc, by the calls of 64 tasks that each wait
/// for their answers.
private func microsecondsPerCall(
    process: Int32, calls: Int, _ call: @escaping @Sendable (UInt64) async throws -> Void
) async throws -> (cpu: Double, rate: Double) {
    let next = Counter()
    func round(_ count: Int) async throws {
        let end = next.value.load(ordering: .relaxed) + UInt64(count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<inFlight {
                group.addTask {
                    while true {
                        let number = next.value.wrappingAdd(1, ordering: .relaxed).newValue
                        guard number <= end else { return }
                        try await call(number)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
    try await round(calls / 4)
    let cpu = try cpuSeconds(process: process)
    let start = now()
    try await round(calls)
    let seconds = now() - start
    let used = try cpuSeconds(process: process) - cpu
    return (used / Double(calls) * 1e6, Double(calls) / seconds)
}

private final class Counter: Sendable {
    let value = Atomic<UInt64>(0)
}

func measureServer(_ report: inout Report) async throws {
    let echoServer = try start([thisExecutable, "echo"])
    defer { end(echoServer, signal: SIGKILL) }
    let client = RPCClient(.init(host: "127.0.0.1", port: echoPort))
    let request = Google_Protobuf_BytesValue(Data(repeating: 7, count: 32))
    try await waitUntilReady(client, "/bench.Bench/Echo", request)
    let echo = try await microsecondsPerCall(process: echoServer, calls: 400_000) { _ in
        let _: RPCResponse<Google_Protobuf_BytesValue> = try await client.unary(
            "/bench.Bench/Echo", request)
    }
    await client.shutdown()
    report.add(
        "server CPU: echo", echo.cpu, unit: "µs", .atMost(8), "\(Int(echo.rate)) calls a second")
    for size in [100_000, 1_000_000] as [UInt64] { try await measureImmudb(size, &report) }
}

private func measureImmudb(_ size: UInt64, _ report: inout Report) async throws {
    let folder = try BenchFolder()
    let database = try Database.open(at: "\(folder.path)/immudb")
    try fill(database, from: 0, to: size)
    try database.close()
    setenv("LOG_LEVEL", "error", 1)
    let server = try start(["bin/immudb", "--dir", folder.path, "-p", String(serverPort)])
    defer { end(server, signal: SIGTERM) }
    let client = RPCClient(.init(host: "127.0.0.1", port: serverPort))
    try await waitUntilReady(client, "/immudb.schema.ImmuService/Health", Google_Protobuf_Empty())
    let bounds: [(String, Double, Int, @Sendable (UInt64) async throws -> Void)] = [
        (
            "Get", 14, 200_000,
            { number in
                var key = Immudb_Schema_Key()
                key.key = Data(randomKey(SplitMix64.one(number) % size))
                let _: RPCResponse<Immudb_Schema_Item> = try await client.unary(
                    "/immudb.schema.ImmuService/Get", key)
            }
        ),
        (
            "durable Set", 22, 200_000,
            { number in
                var item = Immudb_Schema_KeyValue()
                item.key = Data(randomKey(number | 1 << 50))
                item.value = Data(value100)
                let _: RPCResponse<Immudb_Schema_Index> = try await client.unary(
                    "/immudb.schema.ImmuService/Set", item)
            }
        ),
        (
            "SafeGet", 30, 200_000,
            { number in
                var options = Immudb_Schema_SafeGetOptions()
                options.key = Data(randomKey(SplitMix64.one(number) % size))
                options.rootIndex.index = SplitMix64.one(number &* 7) % size
                let _: RPCResponse<Immudb_Schema_SafeItem> = try await client.unary(
                    "/immudb.schema.ImmuService/SafeGet", options)
            }
        ),
    ]
    for (name, bound, calls, call) in bounds {
        let cost = try await microsecondsPerCall(process: server, calls: calls, call)
        report.add(
            "server CPU: \(name), \(size) entries", cost.cpu, unit: "µs", .atMost(bound),
            "\(Int(cost.rate)) calls a second")
    }
    await client.shutdown()
}

/// A server needs a moment to listen.
private func waitUntilReady(
    _ client: RPCClient, _ path: String, _ request: some Message
) async throws {
    for _ in 0..<100 {
        do {
            let _: RPCResponse<Google_Protobuf_Empty> = try await client.unary(path, request)
            return
        } catch let error as RPCError where error.code == .unavailable {
            try await Task.sleep(for: .milliseconds(100))
        }
    }
    throw BenchError("no server answers; is bin/immudb built?")
}

extension SplitMix64 {
    static func one(_ seed: UInt64) -> UInt64 {
        var generator = SplitMix64(state: seed)
        return generator.next()
    }
}
