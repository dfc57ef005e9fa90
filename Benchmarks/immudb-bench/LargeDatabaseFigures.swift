import Glibc
import ImmudbStore
import TestTools

import struct ImmudbVerification.TrustedRoot
import struct ImmudbVerification.UncheckedProof

private let smallSize: UInt64 = 100_000
private let largeSize: UInt64 = 10_000_000
/// Of the tree that a client trusts: with many peaks, hence a long proof.
private let trustedSize: UInt64 = 6_789_011

/// Microseconds for an inclusion and a consistency proof of random entries.
private func proofMicroseconds(_ snapshot: Snapshot, seed: UInt64, count: Int) throws -> Double {
    var random = SplitMix64(seed: seed)
    let size = snapshot.size.rawValue
    let start = now()
    for _ in 0..<count {
        let index = EntryIndex(random.next() % size)
        let since = TreeSize(1 + random.next() % size)
        _ = try snapshot.proof(of: index, since: since)
    }
    return (now() - start) / Double(count) * 1e6
}

/// The cost of a proof in two databases, by turns: the least of five rounds each, since what else
/// the machine does only adds. Both are opened anew, so that nothing is left of their filling.
private func measureProofs(_ smallPath: String, _ largePath: String) throws -> (
    small: Double, large: Double
) {
    let databases = [try Database.open(at: smallPath), try Database.open(at: largePath)]
    let snapshots = databases.map(\.snapshot)
    try waitUntilIdle()
    // The levels above the blocks come into the cache.
    for snapshot in snapshots { _ = try proofMicroseconds(snapshot, seed: 0, count: 500_000) }
    var least = [Double.infinity, .infinity]
    for round in 1...5 as ClosedRange<UInt64> {
        for (position, snapshot) in snapshots.enumerated() {
            let cost = try proofMicroseconds(snapshot, seed: round, count: 100_000)
            least[position] = min(least[position], cost)
        }
    }
    for database in databases { try database.close() }
    return (least[0], least[1])
}

/// Entries with their proofs, as a client gets them.
private func provenSamples(
    _ snapshot: Snapshot, since trusted: TrustedRoot
) throws -> [ProvenSample] {
    var random = SplitMix64(seed: 5)
    return try (0..<1_000).map { _ in
        let key = randomKey(random.next() % largeSize)
        guard let entry = try snapshot.get(key) else { throw BenchError("a key is missing") }
        let proof = try snapshot.proof(of: entry.index, since: trusted.size)
        return ProvenSample(
            key: entry.key, value: entry.value, index: entry.index.rawValue,
            proof: UncheckedProof(
                leaf: proof.leaf.bytes, index: entry.index.rawValue,
                at: proof.size.rawValue - 1, root: proof.root.bytes,
                inclusionPath: proof.inclusion.path.map(\.bytes),
                consistencyPath: proof.consistency.path.map(\.bytes)),
            trusted: trusted)
    }
}

/// Proofs, opening, memory and bytes at 10^7 entries.
func measureLargeDatabase(_ report: inout Report) throws {
    let folder = try BenchFolder()
    let smallPath = "\(folder.path)/small"
    let path = "\(folder.path)/db"
    let smallDatabase = try Database.open(at: smallPath)
    try fill(smallDatabase, from: 0, to: smallSize)
    try smallDatabase.close()
    let database = try Database.open(at: path)
    let start = now()
    try fill(database, from: 0, to: trustedSize)
    let trusted = TrustedRoot(size: database.snapshot.size, root: database.snapshot.root)
    try fill(database, from: trustedSize, to: largeSize)
    let fillSeconds = now() - start
    let verification = try verificationMicroseconds(
        provenSamples(database.snapshot, since: trusted))
    try database.close()
    let (small, large) = try measureProofs(smallPath, path)
    report.add(
        "proof at 10^7 / at 10^5", large / small, unit: "x", .atMost(1.3),
        "\(Report.number(large)) / \(Report.number(small)) µs; filled with "
            + "\(Int(Double(largeSize) / fillSeconds)) entries a second")
    report.add(
        "client: verification of an answer at 10^7", verification, unit: "µs", .atMost(15),
        "leaf, inclusion and consistency since \(trustedSize) entries; no network")
    let sizes = try Database.open(at: path).sizesAndClose()
    let entries = Double(largeSize)
    for (part, bytes) in [
        ("ledger", Double(sizes.ledger) - entries * 116), ("tree", Double(sizes.tree)),
        ("index", Double(sizes.index)),
    ] {
        report.add(
            "bytes an entry beyond key and value: \(part)", bytes / entries, unit: "B", .none, "")
    }
    try measureOpens(path, &report)
}

extension Database {
    fileprivate func sizesAndClose() throws -> StorageSizes {
        let sizes = try sizes()
        try close()
        return sizes
    }
}

private func measureOpens(_ path: String, _ report: inout Report) throws {
    var result = try openInProcess(path)
    report.add(
        "open 10^7 entries after a clean stop", result.seconds, unit: "s", .atMost(1),
        "\(Int(result.mebibytes)) MiB resident after it and 10^5 gets")
    report.add(
        "memory with 10^7 entries, beyond a cache of 64 MiB", result.mebibytes - 64, unit: "MiB",
        .atMost(200), "")
    // A process that fills is killed; what it did last is what is to be indexed again.
    let process = try start([thisExecutable, "fill", path])
    sleep(4)
    end(process, signal: SIGKILL)
    result = try openInProcess(path)
    report.add("open 10^7 entries after kill -9", result.seconds, unit: "s", .atMost(2), "")
}

private func openInProcess(_ path: String) throws -> (seconds: Double, mebibytes: Double) {
    let output = "\(path).opened"
    setenv("BENCH_OUTPUT", output, 1)
    guard run([thisExecutable, "open", path]) == 0 else { throw BenchError("cannot open \(path)") }
    let numbers = try readText(output).split(separator: " ").compactMap { Double($0) }
    guard numbers.count == 2 else { throw BenchError("no figures in \(output)") }
    return (numbers[0], numbers[1])
}

/// The child of `openInProcess`: opens, reads a little, and writes its time and memory to a file.
func measureOpen(path: String) throws {
    let start = now()
    let database = try Database.open(at: path)
    let seconds = now() - start
    var random = SplitMix64(seed: 3)
    let snapshot = database.snapshot
    for _ in 0..<100_000 {
        let key = randomKey(random.next() % largeSize)
        guard let entry = try snapshot.get(key) else { throw BenchError("a key is missing") }
        _ = try snapshot.proof(of: entry.index, since: TreeSize(1))
    }
    let memory = try residentMebibytes(process: getpid())
    guard let output = getenv("BENCH_OUTPUT"), let file = fopen(output, "w") else {
        throw BenchError("BENCH_OUTPUT names no file")
    }
    fputs("\(seconds) \(memory)", file)
    fclose(file)
    try database.close()
}

/// The child that is killed: fills until then.
func fillUntilKilled(path: String) throws {
    let database = try Database.open(at: path)
    var next: UInt64 = 1 << 30
    while true {
        try fill(database, from: next, to: next + 100_000)
        next += 100_000
    }
}
