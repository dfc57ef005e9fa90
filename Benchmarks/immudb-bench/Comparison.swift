import Foundation
import Glibc
import ImmudbProtocol
import ImmudbStore
import SwiftProtobuf

/// A server under load, and what its calls have cost in each round.
private struct Contestant {
    let process: Int32
    let loads: [LoadConnection]
    var costs: [Double] = []

    /// One round: the server's CPU time a call, in microseconds.
    mutating func run(calls: Int) throws {
        let before = try cpuSeconds(process: process)
        try LoadConnection.run(loads, calls: calls, inFlight: 64)
        costs.append((try cpuSeconds(process: process) - before) / Double(calls) * 1e6)
    }
}

/// What a call of echo, Get, Set and SafeGet costs this server and the one of another checkout, with 64 calls in flight
/// over 1, 4 and 64 connections. Their rounds alternate, so that both see the same machine. The figures are the medians
/// of the rounds, and the median of the rounds' ratios.
func compareServers(with folder: String) throws {
    setenv("LOG_LEVEL", "error", 1)
    print("call, connections    there   here   here / there")
    let echoes = [
        try start(["\(folder)/.build/release/immudb-bench", "echo"]),
        try start([thisExecutable, "echo", "\(echoPort + 10)"]),
    ]
    defer { for echo in echoes { end(echo, signal: SIGKILL) } }
    let echoPorts = [echoPort, echoPort + 10]
    try compare(
        "echo", echoes, echoPorts, BenchCall.echo.path, calls: 102_400, BenchCall.echo.request)

    let size: UInt64 = 100_000
    let folders = [try BenchFolder(), try BenchFolder()]
    defer { withExtendedLifetime(folders) {} }
    let ports = [46_322, 46_332]
    var servers: [Int32] = []
    defer { for server in servers { end(server, signal: SIGTERM) } }
    for (index, executable) in ["\(folder)/bin/immudb", "bin/immudb"].enumerated() {
        let database = try Database.open(at: "\(folders[index].path)/immudb")
        try fill(database, from: 0, to: size)
        try database.close()
        servers.append(
            try start([
                executable, "--dir", folders[index].path, "-p", "\(ports[index])",
            ]))
    }
    for (name, calls) in [("Get", 51_200), ("SafeGet", 51_200), ("Set", 20_480)] {
        guard let call = BenchCall(name, entries: size) else { continue }
        try compare(name, servers, ports, call.path, calls: calls, call.request)
    }
}

private func compare(
    _ name: String, _ processes: [Int32], _ ports: [Int], _ path: String, calls: Int,
    _ request: @escaping LoadConnection.Request
) throws {
    for connections in [1, 4, 64] {
        var contestants = try zip(processes, ports).map { process, port in
            Contestant(
                process: process,
                loads: try (0..<connections).map { _ in
                    try LoadConnection(port: port, path: path, request: request)
                })
        }
        for round in 0...10 {
            for index in contestants.indices { try contestants[index].run(calls: calls) }
            if round == 0 {  // the first warms up
                for index in contestants.indices { contestants[index].costs = [] }
            }
        }
        let (there, here) = (contestants[0].costs, contestants[1].costs)
        let ratio = median(zip(here, there).map { $0 / $1 })
        print(
            "\(name), \(connections)    \(Report.number(median(there)))   \(Report.number(median(here)))"
                + "   \(Report.number(ratio))")
        fflush(nil)
    }
}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// Makes so many calls to a server that runs already, 64 of them in flight.
func load(_ call: BenchCall, port: Int, connections: Int, calls: Int) throws {
    let loads = try (0..<connections).map { _ in
        try LoadConnection(port: port, path: call.path, request: call.request)
    }
    try LoadConnection.run(loads, calls: calls, inFlight: 64)
}
