import Glibc
import ImmudbClient
import ImmudbStore
import Synchronization

private let password = "Passw0rd!"
private let keyCount: UInt64 = 1_000
private let path = "/immudb.schema.ImmuService/Get"

/// What users cost a running immudb: what a token adds to a call, and what logins do to the calls of others.
func measureUsers(_ report: inout Report) async throws {
    let folder = try BenchFolder()
    defer { withExtendedLifetime(folder) {} }
    let database = try Database.open(at: "\(folder.path)/immudb")
    try fill(database, from: 0, to: keyCount)
    try database.close()
    setenv("LOG_LEVEL", "error", 1)
    let names = (0..<100).map { "user\($0)" }
    let administrator = try await makeUsers(names, in: folder)

    let open = try measureGets(folder)
    // A server that has hashed none of the passwords yet.
    let server = try start(command(folder) + ["--auth"])
    defer { end(server, signal: SIGTERM) }
    let client = try await connect()
    let token = try await client.login(user: "immu", password: administrator)
    let guarded = try measureCalls(
        process: server, port: serverPort, calls: 100_000, path: path, token: token,
        request(number:))
    report.add(
        "server CPU: a token, of a Get", guarded.cpu - open.cpu, unit: "µs", .none,
        "with its header; \(Report.number(guarded.cpu)) µs with --auth and a token; \(Report.number(open.cpu)) µs without users"
    )
    try await measureLogins(names, token, &report)
    await client.close()
}

private func request(number: UInt64) -> [UInt8] { getRequest(number % keyCount) }

private func command(_ folder: BenchFolder) -> [String] {
    ["bin/immudb", "--dir", folder.path, "-p", String(serverPort)]
}

/// Of a server without users, by callers without a token.
private func measureGets(
    _ folder: BenchFolder
) throws -> (cpu: Double, rate: Double, worst: Double) {
    let server = try start(command(folder))
    defer { end(server, signal: SIGTERM) }
    return try measureCalls(
        process: server, port: serverPort, calls: 100_000, path: path, request(number:))
}

/// How long Gets of one connection take while a hundred others log in, each as a user of its own whose password the
/// server has to hash; beside how long they take before and afterwards.
private func measureLogins(
    _ names: [String], _ token: String, _ report: inout Report
) async throws {
    let load = try LoadConnection(
        port: serverPort, path: path, token: token, measuresDurations: true,
        request: request(number:))
    func gets(_ count: Int) throws -> [Double] {
        try load.run(calls: count, inFlight: 16)
        return load.takeDurations()
    }
    let count = 20_000
    _ = try gets(count)
    var quiet = try gets(count)
    var clients: [ImmudbClient] = []
    for _ in names { clients.append(try await connect()) }
    let began = now()
    let left = Countdown(names.count)
    let logins = Task { [clients] in
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (client, name) in zip(clients, names) {
                group.addTask {
                    defer { left.count.subtract(1, ordering: .relaxed) }
                    _ = try await client.login(user: name, password: password)
                }
            }
            try await group.waitForAll()
        }
    }
    var beside: [Double] = []
    while left.count.load(ordering: .relaxed) > 0 { beside += try gets(1_000) }
    let time = now() - began
    try await logins.value
    for client in clients { await client.close() }
    quiet += try gets(count)
    let (usual, raised) = (p99(quiet), p99(beside))
    report.add(
        "logins: p99 of Get beside 100 at once", raised / usual, unit: "x", .atMost(3),
        "\(Report.number(raised * 1e3)) ms of \(beside.count) calls in the \(Report.number(time)) s of the "
            + "logins, \(Report.number(usual * 1e3)) ms of \(quiet.count) before and after; 16 in flight"
    )
}

/// Logins that are not answered.
private final class Countdown: Sendable {
    let count: Atomic<Int>
    init(_ count: Int) { self.count = Atomic(count) }
}

private func p99(_ durations: [Double]) -> Double {
    durations.sorted()[durations.count * 99 / 100]
}

private func connect(isForAdministration: Bool = false) async throws -> ImmudbClient {
    var configuration = ImmudbClient.Configuration(port: serverPort)
    configuration.isForAdministration = isForAdministration
    configuration.waitsForServer = true
    configuration.callTimeoutMilliseconds = 300_000
    return try await ImmudbClient.connect(
        configuration, trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
}

/// Starts a server with users for as long as it takes to make them.
///
/// - Returns: the administrator's password.
private func makeUsers(_ names: [String], in folder: BenchFolder) async throws -> String {
    let server = try start(command(folder) + ["--auth"])
    defer { end(server, signal: SIGTERM) }
    let client = try await connect(isForAdministration: true)
    var told = ""
    do {
        try await client.login(user: "immu", password: "")
    } catch {
        told = error.message
    }
    guard let drawn = told.firstMatch(of: /\npassword: (.{32})\n/)?.1 else {
        throw BenchError("no administrator was made: \(told)")
    }
    let administrator = String(drawn)
    try await client.login(user: "immu", password: administrator)
    for name in names { try await client.createUser(name, password: password) }
    await client.close()
    return administrator
}
