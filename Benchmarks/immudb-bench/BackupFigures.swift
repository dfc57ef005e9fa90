import Dispatch
import Glibc
import ImmudbBackup
import ImmudbStore
import MerkleTree
import POSIX
import StorageIO
import Synchronization

private let entryCount = 400_000
private let value = [UInt8](repeating: 0x61, count: 1024)

/// What a backup costs the writers beside it, and how fast backup and restore are beside the disk and one core's SHA-256.
func measureBackup(_ report: inout Report) throws {
    let folder = try BenchFolder()
    let path = folder.path
    let database = try Database.open(at: "\(path)/db")
    try fill(database)
    try waitUntilIdle()
    try measureWriters(database, path: path, &report)
    let byteCount = try measureSpeed(database, path: path, &report)
    try database.close()
    try measureRestore(path: path, byteCount: byteCount, &report)
}

private func fill(_ database: Database) throws {
    let done = DispatchSemaphore(value: 0)
    for first in stride(from: 0, to: entryCount, by: 1000) {
        let batch = (first..<first + 1000).map {
            NewEntry(key: randomKey(UInt64($0)), value: value)
        }
        database.append(batch) { result in
            guard case .success = result else { preconditionFailure("\(result)") }
            done.signal()
        }
        done.wait()
    }
}

/// Appends single entries, 16 in flight, for some seconds.
private final class TimedWriters: Sendable {
    private let database: Database
    private let deadline: Double
    private let times = Mutex<[Double]>([])
    private let ended = DispatchSemaphore(value: 0)
    private static let nextKey = Atomic<UInt64>(1 << 41)

    init(_ database: Database, seconds: Double) {
        self.database = database
        deadline = now() + seconds
    }

    /// - Returns: appends a second, and the 99th percentile of their times, in milliseconds.
    func run(seconds: Double) -> (rate: Double, p99: Double) {
        for _ in 0..<16 { append() }
        for _ in 0..<16 { ended.wait() }
        let sorted = times.withLock { $0.sorted() }
        return (Double(sorted.count) / seconds, sorted[sorted.count * 99 / 100] * 1000)
    }

    private func append() {
        let number = Self.nextKey.wrappingAdd(1, ordering: .relaxed).newValue
        let began = now()
        database.append([NewEntry(key: randomKey(number), value: value100)]) { result in
            guard case .success = result else { preconditionFailure("\(result)") }
            let time = now() - began
            self.times.withLock { $0.append(time) }
            if now() < self.deadline { self.append() } else { self.ended.signal() }
        }
    }
}

private func measureWriters(
    _ database: Database, path: String, _ report: inout Report
) throws {
    var alone: [(rate: Double, p99: Double)] = []
    var beside: [(rate: Double, p99: Double)] = []
    let seconds = 4.0
    for round in 0..<3 {
        alone.append(TimedWriters(database, seconds: seconds).run(seconds: seconds))
        // Backups one after the other, to a file, on a thread that gives way, as the server's does.
        let backups = BackupLoop()
        let thread = try WorkerThread(name: "backup") {
            WorkerThread.giveWay(by: 10)
            backups.run(database, to: "\(path)/load-\(round)")
        }
        beside.append(TimedWriters(database, seconds: seconds).run(seconds: seconds))
        backups.stop()
        thread.join()
    }
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    let rates = (median(alone.map(\.rate)), median(beside.map(\.rate)))
    report.add(
        "durable writes beside a backup", rates.1 / rates.0, unit: "x", .atLeast(0.9),
        "\(Int(rates.1)) of \(Int(rates.0)) a second, 16 in flight")
    let times = (median(alone.map(\.p99)), median(beside.map(\.p99)))
    report.add(
        "their p99", times.1 / times.0, unit: "x", .atMost(2),
        "\(Report.number(times.1)) ms, \(Report.number(times.0)) alone")
}

/// Makes backups until it is stopped.
private final class BackupLoop: Sendable {
    private let isStopped = Atomic(false)

    func stop() { isStopped.store(true, ordering: .relaxed) }

    func run(_ database: Database, to path: String) {
        do {
            while !isStopped.load(ordering: .relaxed) {
                let file = try POSIXFileSystem().open(path, .createNew)
                var offset: UInt64 = 0
                let backup = try database.backup()
                while !isStopped.load(ordering: .relaxed), let part = try backup.nextPart() {
                    try file.write(part, at: offset)
                    offset += UInt64(part.count)
                }
                try POSIXFileSystem().removeFile(path)
            }
        } catch {
            preconditionFailure("\(error)")
        }
    }
}

/// - Returns: the bytes of all keys and values.
private func measureSpeed(
    _ database: Database, path: String, _ report: inout Report
) throws -> Int {
    let file = try BackupFile("\(path)/full.backup", replaces: false)
    let start = now()
    let backup = try database.backup()
    try file.begin(backup.head)
    var size = backup.head.bytes.count
    try backup.write { part throws(StoreError) in
        size += part.count
        try file.append(part)
    }
    try file.complete()
    let seconds = now() - start
    // The writers above have added entries of 116 bytes.
    let small = Int(backup.end.size.rawValue) - entryCount
    let byteCount = entryCount * (16 + value.count) + small * 116
    report.add(
        "backup to a file", Double(byteCount) / seconds / 1e6, unit: "MB/s", .none,
        "\(backup.end.size) entries")
    report.add(
        "its size beside keys and values", Double(size) / Double(byteCount), unit: "x",
        .atMost(1.05 + 24 * Double(backup.end.size.rawValue) / Double(byteCount)), "\(size) bytes")
    return byteCount
}

private func measureRestore(path: String, byteCount: Int, _ report: inout Report) throws {
    let hashing = sha256Rate()
    let writing = try durableWriteRate("\(path)/raw", byteCount: byteCount)
    let reading = try sequentialBytesPerSecond("\(path)/db")
    let start = now()
    let restore = DatabaseRestore(in: "\(path)/restored")
    var reader = try BackupReader(path: "\(path)/full.backup")
    try restore.add(&reader)
    let tree = try restore.finish()
    let rate = Double(byteCount) / (now() - start)
    // What it reads and hashes it also writes, durably.
    report.add(
        "restore / least of disk and hash", rate / min(hashing, reading, writing), unit: "x",
        .atLeast(0.5),
        "\(Int(rate / 1e6)) MB/s; disk reads \(Int(reading / 1e6)), writes durably \(Int(writing / 1e6)), "
            + "hash \(Int(hashing / 1e6)) MB/s")
    let opening = now()
    let database = try Database.open(at: "\(path)/restored")
    guard database.snapshot.trustedRoot == tree else { throw BenchError("another root") }
    report.add(
        "first opening after a restore", (now() - opening) / Double(tree.size.rawValue) * 1e6,
        unit: "µs/entry", .none, "\(tree.size) entries")
    try database.close()
}

/// The bytes a second that one core hashes, in leaves of this size.
private func sha256Rate() -> Double {
    let start = now()
    let count = 200_000
    let key = randomKey(1)
    var last = Digest.emptyTree
    for index in 0..<count {
        last = .leaf(index: EntryIndex(UInt64(index)), key: key, value: value)
    }
    precondition(last != .emptyTree)
    return Double(count * (key.count + value.count)) / (now() - start)
}

/// The bytes a second that the disk takes, durably, in writes of a mebibyte.
private func durableWriteRate(_ path: String, byteCount: Int) throws -> Double {
    let file = try POSIXFileSystem().open(path, .createNew)
    let piece = [UInt8](repeating: 7, count: 1 << 20)
    let start = now()
    for offset in stride(from: 0, to: byteCount, by: piece.count) {
        try file.write(piece, at: UInt64(offset))
    }
    try file.synchronize()
    let rate = Double(byteCount) / (now() - start)
    try POSIXFileSystem().removeFile(path)
    return rate
}
