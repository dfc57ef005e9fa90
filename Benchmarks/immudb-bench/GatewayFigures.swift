import Glibc
import ImmudbStore
import NIOCore
import NIOHTTP1

private let connectionCount = 64
private let requestCount = 20_000
private let roundCount = 5
private let hummingbirdPort = 13_350

/// What the REST gateway costs beside its parts: a bare route of Hummingbird that answers the same bytes, and the bare call
/// of gRPC, 64 at a time everywhere. In `immudb --gateway`, the gateway's share is what the process takes without what
/// immudb takes for the same call by gRPC.
///
/// The rounds alternate between all that is compared, so that all see the same machine; each figure is the least of its
/// rounds. Nothing is synced (`--durability never`), since the disk would decide how many writes share a wake-up.
func measureGateway(_ report: inout Report) async throws {
    setenv("LOG_LEVEL", "error", 1)
    let separate = try GatewaySite.separate()
    defer { separate.stop() }
    let embedded = try GatewaySite.embedded()
    defer { embedded.stop() }
    let clients = try await BareClients(
        port: separate.immudbPort, folder: "\(separate.folder.path)/client")
    for operation in RESTOperation.all {
        try await measure(operation, separate, embedded, clients, &report)
    }
    await clients.close()
}

/// Makes requests of a gateway that runs already, for a look with perf or valgrind.
func loadGateway(_ name: String, port: Int, requests: Int) async throws {
    guard let operation = RESTOperation.all.first(where: { $0.name == name }) else {
        throw BenchError("there are " + RESTOperation.all.map(\.name).joined(separator: ", "))
    }
    let load = try await HTTPLoad(
        port: port, connections: connectionCount, request: operation.request)
    try await load.run(requests: requests)
    try await load.close()
}

private func measure(
    _ operation: RESTOperation, _ separate: GatewaySite, _ embedded: GatewaySite,
    _ clients: BareClients, _ report: inout Report
) async throws {
    let separateLoad = try await separate.load(operation)
    let embeddedLoad = try await embedded.load(operation)
    let hummingbird = try start(
        [thisExecutable, "hummingbird", String(hummingbirdPort)]
            + arguments(for: try await separateLoad.lastAnswer()))
    defer { end(hummingbird, signal: SIGKILL) }
    let hummingbirdLoad = try await HTTPLoad(
        port: hummingbirdPort, connections: connectionCount, request: operation.request)

    var figures = GatewayCosts()
    for round in 0...roundCount {
        let costs = GatewayCosts(
            separate: [try await cost(separate.process) { try await run(separateLoad) }],
            embedded: [try await cost(embedded.process) { try await run(embeddedLoad) }],
            immudb: [
                try await cost(embedded.process) {
                    try callImmudb(operation, port: embedded.immudbPort)
                }
            ],
            hummingbird: [try await cost(hummingbird) { try await run(hummingbirdLoad) }],
            call: [
                try await cost(getpid()) {
                    let first = round * requestCount
                    try await makeCalls(from: first, operation.call, clients)
                }
            ])
        // The first round warms everything up.
        if round > 0 { figures.append(costs) }
    }
    figures.add(operation.name, to: &report)
    for load in [separateLoad, embeddedLoad, hummingbirdLoad] { try await load.close() }
}

private func run(_ load: HTTPLoad) async throws { try await load.run(requests: requestCount) }

/// On a new connection: one that waits for its turn answers no ping.
private func callImmudb(_ operation: RESTOperation, port: Int) throws {
    try LoadConnection(port: port, path: operation.procedure, request: operation.message)
        .run(calls: requestCount, inFlight: connectionCount)
}

private func makeCalls(
    from first: Int, _ call: @escaping @Sendable (BareClients, UInt64) async throws -> Void,
    _ clients: BareClients
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<connectionCount {
            group.addTask {
                for number in stride(from: task, to: requestCount, by: connectionCount) {
                    // Other keys than those that the gateway writes.
                    try await call(clients, UInt64(first + number) | 1 << 52)
                }
            }
        }
        try await group.waitForAll()
    }
}

/// Microseconds of CPU time of a process for each of `requestCount` calls, and how many there are in a second.
private func cost(
    _ process: Int32, _ body: () async throws -> Void
) async throws -> (cpu: Double, rate: Double) {
    let cpu = try cpuSeconds(process: process)
    let start = now()
    try await body()
    let seconds = now() - start
    let used = try cpuSeconds(process: process) - cpu
    return (used / Double(requestCount) * 1e6, Double(requestCount) / seconds)
}

/// What one operation costs, by rounds.
private struct GatewayCosts {
    typealias Rounds = [(cpu: Double, rate: Double)]
    var separate: Rounds = []
    var embedded: Rounds = []
    /// immudb in the process of the embedded gateway, by gRPC.
    var immudb: Rounds = []
    var hummingbird: Rounds = []
    var call: Rounds = []

    mutating func append(_ other: GatewayCosts) {
        separate += other.separate
        embedded += other.embedded
        immudb += other.immudb
        hummingbird += other.hummingbird
        call += other.call
    }

    func add(_ name: String, to report: inout Report) {
        let (hummingbird, call) = (Self.least(hummingbird).cpu, Self.least(call).cpu)
        let immudb = Self.least(immudb).cpu
        for (place, rounds, other) in [
            ("separate", separate, 0), ("embedded", embedded, immudb),
        ] {
            let least = Self.least(rounds)
            let share = least.cpu - other
            report.add(
                "gateway / its parts: \(name), \(place)", share / (hummingbird + call), unit: "x",
                .atMost(1.3),
                "\(Report.number(share)) µs, \(Int(least.rate)) requests a second; bare Hummingbird "
                    + "\(Report.number(hummingbird)) µs, bare call \(Report.number(call)) µs"
                    + (other == 0 ? "" : ", immudb's own \(Report.number(other)) µs is not counted")
            )
        }
    }

    private static func least(_ rounds: Rounds) -> (cpu: Double, rate: Double) {
        rounds.min { $0.cpu < $1.cpu } ?? (0, 0)
    }
}

/// The header fields and the body of an answer, for `serveHummingbird`, without the fields that it adds itself.
private func arguments(for answer: HTTPLoad.Answer) -> [String] {
    [String(buffer: answer.body)]
        + answer.head.headers.filter {
            !["content-length", "date", "server"].contains($0.name.lowercased())
        }.map { "\($0.name): \($0.value)" }
}

/// A database with its server, and a gateway to it.
private struct GatewaySite {
    let folder: BenchFolder
    let immudbPort: Int
    let port: Int
    /// The process whose CPU time counts.
    let process: Int32
    private let processes: [Int32]

    /// `immudb` and `immugw`.
    static func separate() throws -> GatewaySite {
        let folder = try filledFolder()
        let immudb = try start(immudb(folder, port: 13_351))
        let gateway = try start([
            "bin/immugw", "-p", "13352", "-j", "13351", "--dir", "\(folder.path)/gateway",
        ])
        return GatewaySite(
            folder: folder, immudbPort: 13_351, port: 13_352, process: gateway,
            processes: [gateway, immudb])
    }

    /// `immudb --gateway`.
    static func embedded() throws -> GatewaySite {
        let folder = try filledFolder()
        let both = try start(
            immudb(folder, port: 13_353) + ["--gateway", "--gateway-port", "13354"])
        return GatewaySite(
            folder: folder, immudbPort: 13_353, port: 13_354, process: both, processes: [both])
    }

    private static func filledFolder() throws -> BenchFolder {
        let folder = try BenchFolder()
        let database = try Database.open(at: "\(folder.path)/immudb")
        try fill(database, from: 0, to: RESTOperation.entryCount)
        try database.close()
        return folder
    }

    private static func immudb(_ folder: BenchFolder, port: Int) -> [String] {
        [
            "bin/immudb", "--dir", folder.path, "-p", String(port), "--metrics-port", "0",
            "--durability", "never",
        ]
    }

    /// Returns a load on the gateway, which has been answered once.
    func load(_ operation: RESTOperation) async throws -> HTTPLoad {
        let load = try await HTTPLoad(
            port: port, connections: connectionCount, request: operation.request)
        for _ in 0..<100 {
            // The gateway may not have reached immudb yet.
            if (try? await load.run(requests: 1)) != nil { return load }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw BenchError("the gateway at port \(port) does not answer \(operation.name)")
    }

    func stop() {
        for process in processes { end(process, signal: SIGTERM) }
    }
}
