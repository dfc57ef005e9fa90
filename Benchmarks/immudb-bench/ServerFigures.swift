import Foundation
import Glibc
import ImmudbProtocol
import ImmudbStore
import RPCTransport
import SwiftProtobuf
import TestTools

private let inFlight = 64
let echoPort = 45_322
let serverPort = 45_323

/// The server of the echo figure, in a process of its own; ends when it is killed.
func serveEcho(port: Int = echoPort, tls: ServerTLS? = nil) async throws {
    let echo = RPCMethod.unary("/bench.Bench/Echo") {
        (request: Google_Protobuf_BytesValue, call: ServerCall) in call.reply(request)
    }
    var configuration = RPCServer.Configuration(host: "127.0.0.1", port: port)
    configuration.tls = tls
    let server = try await RPCServer.start(configuration, methods: [echo])
    while true { try await Task.sleep(for: .seconds(3600)) }
    withExtendedLifetime(server) {}
}

/// What a call costs the server: its CPU time, from /proc, with 64 calls in flight on a connection
/// that costs little itself. The least of five rounds: what else the machine does only adds.
func measureCalls(
    process: Int32, port: Int, calls: Int, path: String, token: String? = nil,
    _ request: @escaping LoadConnection.Request
) throws -> (cpu: Double, rate: Double, worst: Double) {
    let load = try LoadConnection(port: port, path: path, token: token, request: request)
    try load.run(calls: calls / 4, inFlight: inFlight)
    var rounds: [(cpu: Double, rate: Double)] = []
    for _ in 0..<5 {
        let cpu = try cpuSeconds(process: process)
        let start = now()
        try load.run(calls: calls, inFlight: inFlight)
        let seconds = now() - start
        let used = try cpuSeconds(process: process) - cpu
        rounds.append((used / Double(calls) * 1e6, Double(calls) / seconds))
    }
    rounds.sort { $0.cpu < $1.cpu }
    return (rounds[0].cpu, rounds[0].rate, rounds[4].cpu)
}

func measureServer(_ report: inout Report) throws {
    let echoServer = try start([thisExecutable, "echo"])
    defer { end(echoServer, signal: SIGKILL) }
    let echo = try measureCalls(
        process: echoServer, port: echoPort, calls: 200_000, path: BenchCall.echo.path,
        BenchCall.echo.request)
    report.add("server CPU: echo", echo.cpu, unit: "µs", .atMost(8), describe(echo))
    for size in [100_000, 1_000_000] as [UInt64] { try measureImmudb(size, &report) }
}

func describe(_ figure: (cpu: Double, rate: Double, worst: Double)) -> String {
    "\(Int(figure.rate)) calls a second; worst of 5 rounds \(Report.number(figure.worst)) µs"
}

private func measureImmudb(_ size: UInt64, _ report: inout Report) throws {
    let folder = try BenchFolder()
    defer { withExtendedLifetime(folder) {} }
    let database = try Database.open(at: "\(folder.path)/immudb")
    try fill(database, from: 0, to: size)
    try database.close()
    setenv("LOG_LEVEL", "error", 1)
    let server = try start(["bin/immudb", "--dir", folder.path, "-p", String(serverPort)])
    defer { end(server, signal: SIGTERM) }

    func add(
        _ name: String, _ bound: Report.Bound, _ request: @escaping LoadConnection.Request
    ) throws {
        let cost = try measureCalls(
            process: server, port: serverPort, calls: 100_000,
            path: "/immudb.schema.ImmuService/" + name.prefix { $0 != "," }, request)
        report.add(
            "server CPU: \(name), \(size) entries", cost.cpu, unit: "µs", bound, describe(cost))
    }
    // The bound of Get is one for the server's own work: the keys that are asked for again and again. What
    // RocksDB and the file cache take for keys all over the database is beside it.
    try add("Get, of 1,000 keys", .atMost(14)) { getRequest(SplitMix64.one($0) % 1000) }
    try add("Get, of all keys", .none) { getRequest(SplitMix64.one($0) % size) }
    try add("Set, durable", .atMost(22)) { setRequest($0 | 1 << 50) }
    try add("SafeGet, of 1,000 keys", .atMost(30)) { safeGetRequest($0, keys: 1000, size) }
    try add("SafeGet, of all keys", .none) { safeGetRequest($0, keys: size, size) }
}

/// A call whose cost is measured: its method, and its requests by number.
struct BenchCall {
    let path: String
    let request: LoadConnection.Request

    static var echo: BenchCall {
        let message = bytes(Google_Protobuf_BytesValue(Data(repeating: 7, count: 32)))
        return BenchCall(path: "/bench.Bench/Echo") { _ in message }
    }

    private init(path: String, request: @escaping LoadConnection.Request) {
        self.path = path
        self.request = request
    }

    /// `Get`, `SafeGet` or `Set`, as 0.6 names them, of a server that holds so many entries; the reads are of the
    /// first 1,000 keys. `Fill` sets the keys one after another.
    init?(_ name: String, entries: UInt64) {
        let service = "/immudb.schema.ImmuService/"
        switch name {
        case "Get":
            self.init(path: service + name) { getRequest(SplitMix64.one($0) % 1000) }
        case "SafeGet":
            self.init(path: service + name) { safeGetRequest($0, keys: 1000, entries) }
        case "Set":
            self.init(path: service + name) { setRequest($0 | 1 << 50) }
        case "Fill":
            self.init(path: service + "Set") { setRequest($0) }
        default:
            return nil
        }
    }
}

private func setRequest(_ key: UInt64) -> [UInt8] {
    var item = Immudb_Schema_KeyValue()
    item.key = Data(randomKey(key))
    item.value = Data(value100)
    return bytes(item)
}

func getRequest(_ key: UInt64) -> [UInt8] {
    var request = Immudb_Schema_Key()
    request.key = Data(randomKey(key))
    return bytes(request)
}

/// With the root of a client that knows the tree up to a random entry.
func safeGetRequest(_ number: UInt64, keys: UInt64, _ size: UInt64) -> [UInt8] {
    var request = Immudb_Schema_SafeGetOptions()
    request.key = Data(randomKey(SplitMix64.one(number) % keys))
    request.rootIndex.index = SplitMix64.one(number &* 7) % size
    return bytes(request)
}

func bytes(_ message: some Message) -> [UInt8] {
    guard let bytes: [UInt8] = try? message.serializedBytes() else {
        preconditionFailure("a message of bytes and numbers can always be encoded")
    }
    return bytes
}

extension SplitMix64 {
    static func one(_ seed: UInt64) -> UInt64 {
        var generator = SplitMix64(seed: seed)
        return generator.next()
    }
}
