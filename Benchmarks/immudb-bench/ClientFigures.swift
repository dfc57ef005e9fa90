import Glibc
import ImmudbClient
import TestTools

private let clientPort = 45_324
private let keyCount: UInt64 = 10_000

/// What verification costs a client: CPU of this process and calls a second, verified against plain,
/// one call at a time and 64. Every server and client is as its users have it: durable writes, the
/// trusted root in memory.
func measureClient(_ report: inout Report) async throws {
    let folder = try BenchFolder()
    setenv("LOG_LEVEL", "error", 1)
    let server = try start(["bin/immudb", "--dir", folder.path, "-p", String(clientPort)])
    defer { end(server, signal: SIGTERM) }
    let client = try await connect()
    for first in stride(from: 0, to: keyCount, by: 1_000) {
        try await client.rawSetBatch((first..<first + 1_000).map { (randomKey($0), value100) })
    }
    let calls = Calls(client: client)
    for inFlight in [1, 64] {
        let count = inFlight == 1 ? 4_000 : 40_000
        let get = try await cost(of: calls.get, count: count, inFlight: inFlight)
        let verifiedGet = try await cost(of: calls.verifiedGet, count: count, inFlight: inFlight)
        add("get", get, verifiedGet, inFlight, &report)
        let set = try await cost(of: calls.set, count: count, inFlight: inFlight)
        let verifiedSet = try await cost(of: calls.verifiedSet, count: count, inFlight: inFlight)
        add("set", set, verifiedSet, inFlight, &report)
    }
    try await measureMemory(calls, &report)
    await client.close()
}

/// A connected client; the server may still be starting.
private func connect() async throws -> ImmudbClient {
    for _ in 0..<100 {
        do {
            return try await ImmudbClient.connect(
                ImmudbClient.Configuration(port: clientPort),
                trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        } catch let error as ClientError where error.code == .unavailable {
            try await Task.sleep(for: .milliseconds(100))
        }
    }
    throw BenchError("bin/immudb does not serve on port \(clientPort)")
}

private struct Calls: Sendable {
    let client: ImmudbClient

    func get(_ number: UInt64) async throws {
        _ = try await client.get(randomKey(SplitMix64.one(number) % keyCount))
    }

    func verifiedGet(_ number: UInt64) async throws {
        _ = try await client.verifiedGet(randomKey(SplitMix64.one(number) % keyCount))
    }

    func set(_ number: UInt64) async throws {
        try await client.rawSet(randomKey(number | 1 << 51), value100)
    }

    func verifiedSet(_ number: UInt64) async throws {
        try await client.verifiedRawSet(randomKey(number | 1 << 52), value100)
    }
}

private struct Cost {
    /// Of this process, user and system time, for a call.
    var cpuMicroseconds: Double
    var callsASecond: Double
}

private func cost(
    of call: @escaping @Sendable (UInt64) async throws -> Void, count: Int, inFlight: Int
) async throws -> Cost {
    try await run(call, count: count / 4, inFlight: inFlight)
    let cpu = try cpuSeconds(process: getpid())
    let start = now()
    try await run(call, count: count, inFlight: inFlight)
    return Cost(
        cpuMicroseconds: (try cpuSeconds(process: getpid()) - cpu) / Double(count) * 1e6,
        callsASecond: Double(count) / (now() - start))
}

/// Makes `count` calls from `inFlight` tasks.
private func run(
    _ call: @escaping @Sendable (UInt64) async throws -> Void, count: Int, inFlight: Int
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<inFlight {
            group.addTask {
                for number in stride(from: task, to: count, by: inFlight) {
                    try await call(UInt64(number))
                }
            }
        }
        try await group.waitForAll()
    }
}

private func add(
    _ name: String, _ plain: Cost, _ verified: Cost, _ inFlight: Int, _ report: inout Report
) {
    report.add(
        "client CPU: verified \(name), \(inFlight) in flight", verified.cpuMicroseconds, unit: "µs",
        .none,
        "\(Int(verified.callsASecond)) calls a second; plain "
            + "\(Report.number(plain.cpuMicroseconds)) µs, \(Int(plain.callsASecond)) a second")
}

/// Memory after a tenth of a million verified calls, and after all of them.
private func measureMemory(_ calls: Calls, _ report: inout Report) async throws {
    try await run(calls.verifiedGet, count: 100_000, inFlight: 64)
    let early = try residentMebibytes(process: getpid())
    try await run(calls.verifiedGet, count: 900_000, inFlight: 64)
    let late = try residentMebibytes(process: getpid())
    report.add(
        "client memory: after 10^6 verified calls / 10^5", late / early, unit: "x", .atMost(1.1),
        "\(Report.number(late)) / \(Report.number(early)) MiB resident")
}

// MARK: verification alone

/// An entry with its proof, as it travels.
struct ProvenSample {
    var key: [UInt8]
    var value: [UInt8]
    var index: UInt64
    var proof: UncheckedProof
    var trusted: TrustedRoot
}

/// Microseconds to verify an answer, of any of `samples`: leaf, inclusion, consistency.
func verificationMicroseconds(_ samples: [ProvenSample]) throws -> Double {
    let rounds = 20
    let start = now()
    for _ in 0..<rounds {
        for sample in samples {
            let entry = Entry(
                index: EntryIndex(sample.index), key: sample.key, value: sample.value)
            _ = try sample.proof.verify(read: entry, of: sample.key, since: sample.trusted)
        }
    }
    return (now() - start) / Double(rounds * samples.count) * 1e6
}
