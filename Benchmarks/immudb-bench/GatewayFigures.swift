import Glibc
import NIOCore
import NIOHTTP1

let gatewayConnectionCount = 64
private let requestCount = 5_000
private let roundCount = 20
private let hummingbirdPort = 13_350
/// The gateway that `Scripts/go-gateway.sh` builds.
private let goGateway = ".build/go-gateway"
private let goPort = 13_355

/// What the REST gateway costs beside its parts: a bare route of Hummingbird that answers the same bytes, and the bare call
/// of gRPC, 64 at a time everywhere. In `immudb --gateway`, the gateway's share is what the process takes without what
/// immudb takes for the same call by gRPC.
///
/// The rounds are short and alternate between all that is compared, so that all see the same machine; each figure is the
/// least of its rounds. Nothing is synced (`--durability never`), since the disk would decide how many writes share a wake-up.
func measureGateway(_ report: inout Report) async throws {
    setenv("LOG_LEVEL", "error", 1)
    let separate = try GatewaySite.separate()
    defer { separate.stop() }
    let embedded = try GatewaySite.embedded()
    defer { embedded.stop() }
    // Only if it was built.
    let go =
        access(goGateway, X_OK) == 0
        ? try start([goGateway, "-p", String(goPort), "-j", String(separate.immudbPort)]) : nil
    defer { if let go { end(go, signal: SIGTERM) } }
    let clients = try await BareClients(
        port: separate.immudbPort, folder: "\(separate.folder.path)/client")
    for operation in RESTOperation.all {
        try await measure(operation, separate, embedded, go, clients, &report)
    }
    await clients.close()
}

/// Makes requests of a gateway that runs already, for a look with perf or valgrind.
func loadGateway(_ name: String, port: Int, requests: Int) async throws {
    guard let operation = RESTOperation.all.first(where: { $0.name == name }) else {
        throw BenchError("there are " + RESTOperation.all.map(\.name).joined(separator: ", "))
    }
    let load = try await HTTPLoad(
        port: port, connections: gatewayConnectionCount, request: operation.request)
    try await load.run(requests: requests)
    try await load.close()
}

private func measure(
    _ operation: RESTOperation, _ separate: GatewaySite, _ embedded: GatewaySite, _ go: Int32?,
    _ clients: BareClients, _ report: inout Report
) async throws {
    let separateLoad = try await separate.load(operation)
    let embeddedLoad = try await embedded.load(operation)
    let hummingbird = try start(
        [thisExecutable, "hummingbird", String(hummingbirdPort)]
            + arguments(for: try await separateLoad.lastAnswer()))
    defer { end(hummingbird, signal: SIGKILL) }
    let hummingbirdLoad = try await HTTPLoad(
        port: hummingbirdPort, connections: gatewayConnectionCount, request: operation.request)
    var goLoad: HTTPLoad?
    if go != nil {
        goLoad = try await HTTPLoad(
            port: goPort, connections: gatewayConnectionCount, request: operation.request)
    }

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
        if let go, let goLoad {
            let cost = try await cost(go) { try await run(goLoad) }
            if round > 0 { figures.go.append(cost) }
        }
    }
    figures.add(operation.name, to: &report)
    if let verification = operation.verification {
        figures.add(operation.name, verification: try await verification(clients), to: &report)
    }
    figures.addGo(operation.name, to: &report)
    for load in [separateLoad, embeddedLoad, hummingbirdLoad] { try await load.close() }
    try await goLoad?.close()
}

private func run(_ load: HTTPLoad) async throws { try await load.run(requests: requestCount) }

/// On a new connection: one that waits for its turn answers no ping.
private func callImmudb(_ operation: RESTOperation, port: Int) throws {
    try LoadConnection(port: port, path: operation.procedure, request: operation.message)
        .run(calls: requestCount, inFlight: gatewayConnectionCount)
}

private func makeCalls(
    from first: Int, _ call: @escaping @Sendable (BareClients, UInt64) async throws -> Void,
    _ clients: BareClients
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<gatewayConnectionCount {
            group.addTask {
                for number in stride(from: task, to: requestCount, by: gatewayConnectionCount) {
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
    var go: Rounds = []

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

    /// The ratio without what the gateway and the bare call both take to verify an answer.
    func add(_ name: String, verification: Double, to report: inout Report) {
        let gateway = Self.least(separate).cpu
        let parts = Self.least(hummingbird).cpu + Self.least(call).cpu
        report.add(
            "the same without verification: \(name)",
            (gateway - verification) / (parts - verification), unit: "x", .none,
            "verification \(Report.number(verification)) µs")
    }

    func addGo(_ name: String, to report: inout Report) {
        guard !go.isEmpty else { return }
        let (ours, theirs) = (Self.least(separate), Self.least(go))
        report.add(
            "gateway / the least one in Go: \(name)", ours.cpu / theirs.cpu, unit: "x", .none,
            "\(Report.number(ours.cpu)) µs and \(Report.number(theirs.cpu)) µs, "
                + "\(Int(ours.rate)) and \(Int(theirs.rate)) requests a second")
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
