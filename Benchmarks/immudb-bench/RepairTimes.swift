import Glibc
import ImmudbBackup
import ImmudbStore
import MerkleTree
import StorageIO

/// Makes a large database with values of 32 bytes, then backs it up, checks it, restores the backup, damages an entry, and
/// repairs it from a copy and from the backup. Prints what each takes, once.
func measureRepair(entryCount: UInt64) throws {
    let folder = try BenchFolder()
    let (path, copy) = ("\(folder.path)/db", "\(folder.path)/copy")
    try timed("fill with \(entryCount) entries") { try fill(path, entryCount) }
    try timed("back up") { try backUp(path, to: "\(folder.path)/backup") }
    run(["/bin/cp", "-r", path, copy])
    for isCold in [true, false] {
        if isCold { try dropCaches(path) }
        let report = try Database.verify(at: path)
        guard report.isWhole else { throw BenchError("\(report.problems)") }
        print(
            "verify\(isCold ? "" : ", cached"): \(report.duration), "
                + "\(Report.number(report.bytesPerSecond / 1e6)) MB/s of "
                + "\(Report.number(Double(report.byteCount) / 1e6)) MB")
    }
    try timed("restore the backup") {
        try restore("\(folder.path)/backup", to: "\(folder.path)/restored")
    }
    run(["/bin/rm", "-r", "\(folder.path)/restored"])
    let sources: [(String, RepairSource)] = [
        ("a copy", .folder(copy)), ("a backup", .backups(["\(folder.path)/backup"])),
    ]
    for (name, source) in sources {
        try damageSomething(path)
        try timed("repair an entry from \(name), with both checks") {
            let report = try Database.repair(at: path, from: source)
            guard report.isRepaired else { throw BenchError("\(report.failures)") }
            print(report.replacements.map { "\($0.segment): \($0.entries)" }.joined())
        }
    }
    run(["/bin/rm", "-r", "\(path)/ledger"])
    try POSIXFileSystem().createDirectory("\(path)/ledger")
    try timed("make all segments again from the backup") {
        let report = try Database.repair(at: path, from: sources[1].1)
        guard report.isRepaired else { throw BenchError("\(report.failures)") }
    }
    let report = try Database.verify(at: path)
    guard report.isWhole else { throw BenchError("\(report.problems)") }
}

private func timed(_ what: String, _ body: () throws -> Void) rethrows {
    let start = now()
    try body()
    print("\(what): \(Report.number(now() - start)) s")
}

private func fill(_ path: String, _ entryCount: UInt64) throws {
    let database = try Database.open(at: path)
    let value = [UInt8](repeating: 0x61, count: 32)
    var next: UInt64 = 0
    while next < entryCount {
        let end = min(entryCount, next + 10_000)
        try append(database, (next..<end).map { NewEntry(key: randomKey($0), value: value) })
        next = end
    }
    try database.close()
}

private func backUp(_ path: String, to file: String) throws {
    let database = try Database.open(at: path)
    let backup = try database.backup(BackupRequest())
    let target = try BackupFile(file, replaces: false)
    try target.begin(backup.head)
    while let part = try backup.nextPart() { try target.append(part) }
    try target.complete()
    try database.close()
}

private func restore(_ file: String, to path: String) throws {
    let restore = DatabaseRestore(in: path)
    var reader = try BackupReader(path: file)
    try restore.add(&reader)
    let tree = try restore.finish()
    try timed("open it for the first time") {
        let database = try Database.open(at: path)
        guard database.snapshot.trustedRoot == tree else { throw BenchError("another root") }
        try database.close()
    }
}

/// Flips a bit in the middle of the second segment, or of the first one if there is no other.
private func damageSomething(_ path: String) throws {
    let files = POSIXFileSystem()
    let names = try files.names(inDirectory: "\(path)/ledger").sorted()
    let file = try files.open("\(path)/ledger/\(names[min(1, names.count - 1)])", .readWrite)
    let place = try file.byteCount() / 2
    let bytes = try file.read(byteCount: 1, at: place)
    try file.write([bytes[0] ^ 4], at: place)
    try file.synchronize()
}
