import Dispatch
import Glibc
import ImmudbStore
import Ledger
import StorageIO
import Synchronization

/// The bytes that the ledger writes for an entry of a 16-byte key and a 100-byte value in a frame
/// of its own.
private let frameByteCount =
    48 + FrameBuffer.payloadByteCount(keyAndValueByteCount: 116, entryCount: 1)

/// Appends and synchronizes as fast as the disk does: what a durable writer cannot exceed.
private func bareAppendRate(path: String, byteCount: Int, seconds: Double) throws -> Double {
    let file = try POSIXFileSystem().open(path, .createNew)
    try file.allocate(byteCount: 256 << 20)
    try file.synchronize()
    let bytes = [UInt8](repeating: 7, count: byteCount)
    var count = 0
    var offset: UInt64 = 0
    let start = now()
    while now() - start < seconds, offset + UInt64(byteCount) < 256 << 20 {
        try file.write(bytes, at: offset)
        try file.synchronizeData()
        offset += UInt64(byteCount)
        count += 1
    }
    let rate = Double(count) / (now() - start)
    try POSIXFileSystem().removeFile(path)
    return rate
}

/// Keeps so many appends in flight, each one batch, for some seconds.
/// - Returns: acknowledged batches a second.
private func appendRate(
    _ database: Database, inFlight: Int, batchEntryCount: Int, seconds: Double
) throws -> Double {
    let writers = Writers(database: database, batchEntryCount: batchEntryCount, seconds: seconds)
    let start = now()
    for _ in 0..<inFlight { writers.append() }
    writers.waitForEnd(of: inFlight)
    return Double(writers.acknowledged.load(ordering: .relaxed)) / (now() - start)
}

/// Writers that append the next batch when the last one is acknowledged.
private final class Writers: Sendable {
    let database: Database
    let batchEntryCount: Int
    let deadline: Double
    let acknowledged = Atomic(0)
    private static let nextKey = Atomic<UInt64>(1 << 40)
    private let ended = DispatchSemaphore(value: 0)

    init(database: Database, batchEntryCount: Int, seconds: Double) {
        self.database = database
        self.batchEntryCount = batchEntryCount
        deadline = now() + seconds
    }

    func append() {
        let last = Self.nextKey.wrappingAdd(UInt64(batchEntryCount), ordering: .relaxed).newValue
        let batch = (0..<batchEntryCount).map {
            NewEntry(key: randomKey(last - UInt64($0)), value: value100)
        }
        database.append(batch) { result in
            guard case .success = result else { preconditionFailure("\(result)") }
            self.acknowledged.add(1, ordering: .relaxed)
            if now() < self.deadline { self.append() } else { self.ended.signal() }
        }
    }

    func waitForEnd(of count: Int) {
        for _ in 0..<count { ended.wait() }
    }
}

func measureDurableWrites(_ report: inout Report) throws {
    let folder = try BenchFolder()
    let database = try Database.open(at: "\(folder.path)/db")
    var bare = 0.0
    var single = 0.0
    var many = 0.0
    let rounds = 3
    for round in 0..<rounds {
        bare += try bareAppendRate(
            path: "\(folder.path)/bare-\(round)", byteCount: frameByteCount, seconds: 2)
        single += try appendRate(database, inFlight: 1, batchEntryCount: 1, seconds: 2)
        many += try appendRate(database, inFlight: 64, batchEntryCount: 1, seconds: 2)
    }
    try database.close()
    let times = Double(rounds)
    report.add(
        "one durable writer / bare append + fdatasync", single / bare, unit: "x", .atLeast(0.70),
        "\(Int(single / times)) / \(Int(bare / times)) a second")
    report.add(
        "64 durable writers / one", many / single, unit: "x", .atLeast(10),
        "\(Int(many / times)) / \(Int(single / times)) a second")
}

func measureBatches(_ report: inout Report) throws {
    let folder = try BenchFolder()
    let database = try Database.open(at: "\(folder.path)/db")
    let byteCount =
        48 + FrameBuffer.payloadByteCount(keyAndValueByteCount: 116_000, entryCount: 1000)
    var disk = 0.0
    var rocks = 0.0
    var ours = 0.0
    let bareIndex = try BareRocksDB(path: "\(folder.path)/rocks")
    let rounds = 3
    for round in 0..<rounds {
        disk += try bareAppendRate(
            path: "\(folder.path)/bare-\(round)", byteCount: byteCount, seconds: 1)
        rocks += try bareIndex.putRate(batchEntryCount: 1000, seconds: 3)
        ours += try appendRate(database, inFlight: 2, batchEntryCount: 1000, seconds: 3)
    }
    try database.close()
    let times = Double(rounds)
    report.add(
        "batches of 1,000 / slower of ledger, RocksDB", ours / min(disk, rocks), unit: "x",
        .atLeast(0.50),
        "\(Int(ours / times * 1000)) / ledger \(Int(disk / times * 1000)), RocksDB "
            + "\(Int(rocks / times * 1000)) entries a second")
}
