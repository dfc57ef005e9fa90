import Glibc
import ImmudbStore
import MerkleTree
import StorageIO

/// How fast a whole check of a database's files is, beside what the disk and one core allow.
func measureVerify(_ report: inout Report) throws {
    let hashed = sha256BytesPerSecond()
    report.add(
        "SHA-256 of 1 MiB, one core", hashed / 1e6, unit: "MB/s", .none,
        "what a check cannot exceed")
    try measureVerify(entryCount: 500_000, valueByteCount: 1_000, hashed, &report)
    try measureVerify(entryCount: 2_000_000, valueByteCount: 100, hashed, &report)
}

private func measureVerify(
    entryCount: UInt64, valueByteCount: Int, _ hashed: Double, _ report: inout Report
) throws {
    let folder = try BenchFolder()
    let path = "\(folder.path)/db"
    let database = try Database.open(at: path)
    let value = [UInt8](repeating: 0x61, count: valueByteCount)
    var next: UInt64 = 0
    while next < entryCount {
        let end = min(entryCount, next + 10_000)
        try append(database, (next..<end).map { NewEntry(key: randomKey($0), value: value) })
        next = end
    }
    try waitUntilIdle()
    try database.close()
    let disk = try sequentialBytesPerSecond(path)
    let least = min(disk, hashed)
    for isCold in [true, false] {
        if isCold { try dropCaches(path) }
        let found = try Database.verify(at: path)
        guard found.isWhole else { throw BenchError("\(found.problems)") }
        let seconds = found.duration / .seconds(1)
        report.add(
            "verify / lesser of disk and hash, values of \(valueByteCount)"
                + (isCold ? "" : ", cached"),
            found.bytesPerSecond / least, unit: "x", isCold ? .atLeast(0.5) : .none,
            "\(Report.number(found.bytesPerSecond / 1e6)) MB/s, \(entryCount) entries and "
                + "\(Report.number(Double(found.byteCount) / 1e6)) MB in \(Report.number(seconds)) s; disk "
                + "\(Report.number(disk / 1e6)), hash \(Report.number(hashed / 1e6)) MB/s")
    }
}

private func sha256BytesPerSecond() -> Double {
    let value = [UInt8](repeating: 0x61, count: 1 << 20)
    let start = now()
    var count = 0
    var last: Digest?
    while now() - start < 1 {
        last = .leaf(index: EntryIndex(UInt64(count)), key: [1], value: value)
        count += 1
    }
    precondition(last != nil)
    return Double(count * value.count) / (now() - start)
}

/// Reads the segments of a database as one stream that is in no cache.
func sequentialBytesPerSecond(_ path: String) throws -> Double {
    try dropCaches(path)
    let files = POSIXFileSystem()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    let start = now()
    var byteCount = 0
    for name in try files.names(inDirectory: "\(path)/ledger") {
        let file = try files.open("\(path)/ledger/\(name)", .readOnly)
        var offset: UInt64 = 0
        while true {
            let count = try file.read(into: buffer, at: offset)
            offset += UInt64(count)
            byteCount += count
            if count < buffer.count { break }
        }
    }
    return Double(byteCount) / (now() - start)
}

/// Takes the files of a folder out of the page cache.
func dropCaches(_ path: String) throws {
    let files = POSIXFileSystem()
    for folder in ["ledger", "tree", "index"] {
        for name in try files.names(inDirectory: "\(path)/\(folder)") {
            let descriptor = open("\(path)/\(folder)/\(name)", O_RDONLY)
            guard descriptor >= 0 else { continue }
            fsync(descriptor)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
    }
}
