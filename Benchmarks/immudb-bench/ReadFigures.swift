import Dispatch
import Glibc
import ImmudbStore
import StorageIO
import TestTools

/// Fills a database with entries of random 16-byte keys and 100-byte values, in batches.
func fill(_ database: Database, from first: UInt64, to end: UInt64) throws {
    // Some batches in flight keep both stages of the pipeline at work.
    let slots = DispatchSemaphore(value: 4)
    var next = first
    while next < end {
        let last = min(next + 10_000, end)
        let batch = (next..<last).map { NewEntry(key: randomKey($0), value: value100) }
        slots.wait()
        database.append(batch) { result in
            guard case .success = result else { preconditionFailure("\(result)") }
            slots.signal()
        }
        next = last
    }
    for _ in 0..<4 { slots.wait() }
    for _ in 0..<4 { slots.signal() }
}

func measureGets(_ report: inout Report) throws {
    let folder = try BenchFolder()
    let count: UInt64 = 1_000_000
    let database = try Database.open(at: "\(folder.path)/db")
    try fill(database, from: 0, to: count)
    let bare = try BareRocksDB(path: "\(folder.path)/rocks")
    for first in stride(from: 0, to: count, by: 1000) {
        try bare.write((first..<first + 1000).map(randomKey))
    }
    let file = try POSIXFileSystem().open("\(folder.path)/values", .createNew)
    try file.write([UInt8](repeating: 1, count: 140 << 20), at: 0)
    var random = SplitMix64(seed: 1)
    var times = (bare: 0.0, ours: 0.0)
    let rounds = 6
    let gets = 50_000
    for round in 0..<rounds {
        let numbers = (0..<gets).map { _ in random.next() % count }
        let keys = numbers.map(randomKey)
        var buffer = [UInt8](repeating: 0, count: 132)
        var start = now()
        for (key, number) in zip(keys, numbers) {
            guard try bare.has(key) else { throw BenchError("a key is missing") }
            _ = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: number * 132) }
        }
        if round > 0 { times.bare += now() - start }
        let snapshot = database.snapshot
        start = now()
        for key in keys {
            guard try snapshot.get(key) != nil else { throw BenchError("a key is missing") }
        }
        if round > 0 { times.ours += now() - start }
    }
    let all = Double((rounds - 1) * gets)
    report.add(
        "random get of 10^6 / bare RocksDB get + pread", times.bare / times.ours, unit: "x",
        .atLeast(0.60),
        "\(Report.number(times.ours / all * 1e6)) / \(Report.number(times.bare / all * 1e6)) µs")
    try database.close()
}
