import Foundation
import Glibc
import MutualTLSFiles
import RPCTransport
import SwiftProtobuf

private let inFlight = 64
private let plainPort = 45_324
private let tlsPort = 45_325

/// The echo server with mutual TLS, by the files of a folder.
func serveEcho(port: Int, tlsFolder: String) async throws {
    let files = MutualTLSFolder(tlsFolder, host: "localhost")
    try await serveEcho(
        port: port,
        tls: ServerTLS(
            certificate: files.serverCertificate, key: files.serverKey,
            clientAuthorities: files.authorities))
}

/// What TLS costs a server beside a plain connection, and what a handshake costs it. The client is ours on both
/// connections; only the server's CPU time counts.
func measureTLS(_ report: inout Report) async throws {
    let folder = try BenchFolder()
    defer { withExtendedLifetime(folder) {} }
    let files = MutualTLSFolder("\(folder.path)/mtls", host: "localhost")
    try files.create()
    let tls = try ClientTLS(
        authorities: files.authorities,
        certificate: (files.clientCertificate, files.clientKey), serverName: "localhost")
    let plainServer = try start([thisExecutable, "echo", String(plainPort)])
    defer { end(plainServer, signal: SIGKILL) }
    let tlsServer = try start([thisExecutable, "echo", String(tlsPort), files.path])
    defer { end(tlsServer, signal: SIGKILL) }

    for (size, calls) in [(32, 200_000), (64 << 10, 5_000)] {
        let plain = try await costOfCall(
            plainServer, client(plainPort, nil), calls: calls, byteCount: size)
        let secure = try await costOfCall(
            tlsServer, client(tlsPort, tls), calls: calls, byteCount: size)
        report.add(
            "server CPU: echo of \(size) bytes by TLS", secure, unit: "µs", .none,
            "plain \(Report.number(plain)) µs, by the same client")
    }
    for (name, process, port, tls) in [
        ("plain connection", plainServer, plainPort, nil),
        ("handshake of mutual TLS", tlsServer, tlsPort, tls),
    ] as [(String, Int32, Int, ClientTLS?)] {
        let cost = try await costOfConnection(process, count: 2_000) { client(port, tls) }
        report.add(
            "server CPU: \(name)", cost.cpu, unit: "µs", .none,
            "with one call; \(Int(cost.rate)) a second, the clients beside it")
    }
}

private func client(_ port: Int, _ tls: ClientTLS?) -> RPCClient {
    var configuration = RPCClient.Configuration(host: "127.0.0.1", port: port)
    configuration.tls = tls
    configuration.waitForReady = true  // the server may still be starting
    return RPCClient(configuration)
}

private func echo(_ client: RPCClient, _ request: Google_Protobuf_BytesValue) async throws {
    let _: RPCResponse<Google_Protobuf_BytesValue> = try await client.unary(
        BenchCall.echo.path, request)
}

/// The least of five rounds, in microseconds.
private func costOfCall(
    _ process: Int32, _ client: RPCClient, calls: Int, byteCount: Int
) async throws -> Double {
    let request = Google_Protobuf_BytesValue(Data(repeating: 7, count: byteCount))
    var costs: [Double] = []
    for _ in 0..<5 {
        let cpu = try cpuSeconds(process: process)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<inFlight {
                group.addTask {
                    for _ in 0..<(calls / inFlight) { try await echo(client, request) }
                }
            }
            try await group.waitForAll()
        }
        let used = try cpuSeconds(process: process) - cpu
        costs.append(used / Double(calls / inFlight * inFlight) * 1e6)
    }
    await client.shutdown()
    return costs.min() ?? 0
}

/// Connects, calls once and leaves, eight at a time.
private func costOfConnection(
    _ process: Int32, count: Int, _ makeClient: @escaping @Sendable () -> RPCClient
) async throws -> (cpu: Double, rate: Double) {
    let cpu = try cpuSeconds(process: process)
    let began = now()
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
            group.addTask {
                for _ in 0..<(count / 8) {
                    let client = makeClient()
                    try await echo(client, Google_Protobuf_BytesValue(Data([7])))
                    await client.shutdown()
                }
            }
        }
        try await group.waitForAll()
    }
    let used = try cpuSeconds(process: process) - cpu
    return (used / Double(count) * 1e6, Double(count) / (now() - began))
}
