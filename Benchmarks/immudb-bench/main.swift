// The figures of the project, as a table: `make bench`, or `immudb-bench SECTION …`.
//
// Every figure is a ratio within one run, or a cost per call from /proc, since machines differ and
// are shared. Sections: durable, batch, get, proof, walk, verify, server, client, accounts,
// tls, gateway, backup.
//
// `immudb-bench compare FOLDER` measures what a call costs the server beside the one of another checkout, in which
// `make build` and `make bench` have been run. `immudb-bench echo PORT` and `immudb-bench load PORT CONNECTIONS CALLS` are
// the two sides of the echo figure, for a look with perf or valgrind; with `Fill` and then `Get`, `SafeGet` or `Set`
// after them, `load` calls a running immudb. `immudb-bench rest PORT REQUESTS 'POST /item'` does the same with a running
// gateway, `immudb-bench hummingbird PORT BODY [FIELD …]` is the server that it is compared with. `immudb-bench databases COUNT shared|own ENTRIES` opens many databases in one
// process and says what they cost. `immudb-bench repair ENTRIES` checks a large database and repairs it, once.

import Glibc

let sections: [(name: String, run: (inout Report) async throws -> Void)] = [
    ("durable", measureDurableWrites),
    ("batch", measureBatches),
    ("get", measureGets),
    ("proof", measureLargeDatabase),
    ("walk", measureWalks),
    ("verify", measureVerify),
    ("server", measureServer),
    ("client", measureClient),
    ("accounts", measureAccounts),
    ("tls", measureTLS),
    ("gateway", measureGateway),
    ("backup", measureBackup),
]

let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case "fill"?:
    try fillUntilKilled(path: arguments[1])
case "open"?:
    try measureOpen(path: arguments[1])
case "databases"? where arguments.count == 4:
    guard let count = Int(arguments[1]), let entries = Int(arguments[3]) else { exit(1) }
    try measureDatabases(count, isShared: arguments[2] == "shared", entries: entries)
case "echo"? where arguments.count == 3:
    guard let port = Int(arguments[1]) else { exit(1) }
    try await serveEcho(port: port, tlsFolder: arguments[2])
case "echo"?:
    try await serveEcho(port: arguments.dropFirst().first.flatMap { Int($0) } ?? echoPort)
case "load"? where arguments.count >= 4:
    guard
        let port = Int(arguments[1]), let connections = Int(arguments[2]),
        let calls = Int(arguments[3]),
        let call = arguments.count == 4 ? .echo : BenchCall(arguments[4], entries: 100_000)
    else {
        print("immudb-bench load PORT CONNECTIONS CALLS [Get|SafeGet|Set|Fill]")
        exit(1)
    }
    try load(call, port: port, connections: connections, calls: calls)
case "rest"? where arguments.count == 4:
    guard let port = Int(arguments[1]), let requests = Int(arguments[2]) else { exit(1) }
    try await loadGateway(arguments[3], port: port, requests: requests)
case "hummingbird"? where arguments.count >= 3:
    guard let port = Int(arguments[1]) else { exit(1) }
    try await serveHummingbird(port: port, body: arguments[2], fields: Array(arguments[3...]))
case "repair"? where arguments.count == 2:
    guard let entries = UInt64(arguments[1]) else { exit(1) }
    try measureRepair(entryCount: entries)
case "compare"? where arguments.count == 2:
    try compareServers(with: arguments[1])
default:
    let unknown = arguments.filter { name in !sections.contains { $0.name == name } }
    guard unknown.isEmpty else {
        print(
            "unknown section \(unknown[0]); there are \(sections.map(\.name).joined(separator: " "))"
        )
        exit(1)
    }
    var report = Report()
    for section in sections where arguments.isEmpty || arguments.contains(section.name) {
        try await section.run(&report)
    }
    report.end()
}
