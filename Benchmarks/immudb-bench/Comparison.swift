import Foundation
import Glibc
import ImmudbProtocol
import ImmudbStore
import SwiftProtobuf

/// One of two servers that are compared.
private struct Contestant {
    let command: [String]
    let port: Int
    /// How it ends.
    let signal: Int32

    /// The CPU time that a call costs a server process that has just begun, in microseconds.
    func measure(
        connections: Int, path: String, calls: Int, _ request: @escaping LoadConnection.Request
    ) throws -> Double {
        let process = try start(command)
        defer { end(process, signal: signal) }
        let loads = try (0..<connections).map { _ in
            try LoadConnection(port: port, path: path, request: request)
        }
        try LoadConnection.run(loads, calls: calls / 5, inFlight: 64)
        let before = try cpuSeconds(process: process)
        try LoadConnection.run(loads, calls: calls, inFlight: 64)
        return (try cpuSeconds(process: process) - before) / Double(calls) * 1e6
    }
}

/// What a call of echo, Get, Set and SafeGet costs this server and the one of another checkout, with 64 calls in flight
/// over 1, 4 and 64 connections. Each round has a new process of either: where the system puts the memory of a process
/// makes all of its calls 5 to 10 % cheaper or dearer. The rounds alternate, so that both see the same machine. The
/// figures are the medians of the rounds, their ratio, and the median of the rounds' ratios.
func compareServers(with folder: String) throws {
    setenv("LOG_LEVEL", "error", 1)
    print("call, connections    there   here   here / there   by rounds")
    let echoes = [
        Contestant(
            command: ["\(folder)/.build/release/immudb-bench", "echo"], port: echoPort,
            signal: SIGKILL),
        Contestant(
            command: [thisExecutable, "echo", "13302"], port: 13_302,
            signal: SIGKILL),
    ]
    try compare("echo", echoes, BenchCall.echo.path, calls: 102_400, BenchCall.echo.request)

    let size: UInt64 = 100_000
    let folders = [try BenchFolder(), try BenchFolder()]
    defer { withExtendedLifetime(folders) {} }
    let servers = try zip(["\(folder)/bin/immudb", "bin/immudb"], folders).enumerated().map {
        index, server in
        let (executable, folder) = server
        let database = try Database.open(at: "\(folder.path)/immudb")
        try fill(database, from: 0, to: size)
        try database.close()
        // None that the system gives to a client: 32,768 and more.
        let port = 13_322 + 10 * index
        return Contestant(
            command: [executable, "--dir", folder.path, "-p", "\(port)"], port: port,
            signal: SIGTERM)
    }
    for (name, calls) in [("Get", 102_400), ("SafeGet", 51_200), ("Set", 51_200)] {
        guard let call = BenchCall(name, entries: size) else { continue }
        try compare(name, servers, call.path, calls: calls, call.request)
    }
}

private func compare(
    _ name: String, _ contestants: [Contestant], _ path: String, calls: Int,
    _ request: @escaping LoadConnection.Request
) throws {
    for connections in [1, 4, 64] {
        var costs: [[Double]] = [[], []]
        for round in 0..<9 {
            // Neither always has the other before it.
            for index in round % 2 == 0 ? [0, 1] : [1, 0] {
                costs[index].append(
                    try contestants[index].measure(
                        connections: connections, path: path, calls: calls, request))
            }
        }
        let (there, here) = (costs[0], costs[1])
        let ratios = zip(here, there).map { $0 / $1 }
        print(
            "\(name), \(connections)    \(Report.number(median(there)))   \(Report.number(median(here)))"
                + "   \(Report.number(median(here) / median(there)))   \(Report.number(median(ratios)))"
        )
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
