import ImmudbBackup
import ImmudbStore
import SimulatedDisk
import StorageIO
import TestTools

/// A database in memory with entries of all kinds, and its backups.
struct BackupFixture {
    static let path = "/db"

    let disk: SimulatedDisk
    let database: Database

    static func options(_ disk: SimulatedDisk) -> Database.Options {
        var options = Database.Options()
        options.segmentByteCount = 8192
        options.indexCacheByteCount = 1 << 16
        options.openSegmentCount = 3
        options.openIndexFileCount = 16
        options.fileSystem = disk
        return options
    }

    init(_ disk: SimulatedDisk = SimulatedDisk()) throws {
        self.disk = disk
        database = try Database.open(at: Self.path, options: Self.options(disk))
    }

    /// Appends a value, a batch with the same key twice, a reference, and a member of a sorted set.
    func appendMixed(_ name: String, valueByteCount: Int = 20) async throws {
        let key = Array("key \(name)".utf8)
        try await database.set(key, Array(repeating: 7, count: valueByteCount))
        try await database.setBatch([
            NewEntry(key: key, value: [1]), NewEntry(key: Array("other \(name)".utf8), value: []),
            NewEntry(key: key, value: [0, 255, 3]),
        ])
        try await database.addReference(Array("name \(name)".utf8), to: key)
        try await database.addMember(key, to: Array("set".utf8), score: -1.5)
    }

    func backup(since: TrustedRoot = .empty) throws -> [UInt8] {
        try backupParts(since: since).flatMap { $0 }
    }

    /// Returns the head, the chunks and the trailer.
    func backupParts(since: TrustedRoot = .empty) throws -> [[UInt8]] {
        var request = BackupRequest()
        request.name = "data"
        request.serverIdentifier = Array(1...12)
        request.since = since
        let backup = try database.backup(request)
        var parts = [backup.head.bytes]
        while let part = try backup.nextPart() { parts.append(part) }
        return parts
    }

    /// Restores backups on another disk.
    static func restore(
        _ backups: [[UInt8]], on disk: SimulatedDisk = SimulatedDisk(), until: TreeSize? = nil,
        requiring roots: [TrustedRoot] = [], keepsIdentity: Bool = true
    ) throws(StoreError) -> TrustedRoot {
        let restore = DatabaseRestore(
            in: path, keepsIdentity: keepsIdentity, until: until, options: options(disk))
        for root in roots { restore.require(root) }
        for (number, backup) in backups.enumerated() {
            var reader = try memoryReader(backup, named: "backup \(number)")
            try restore.add(&reader)
        }
        return try restore.finish()
    }

    /// Returns all entries of a database.
    static func entries(of database: Database) throws -> [Entry] {
        try database.snapshot.entries(from: EntryIndex(0), limit: .max)
    }
}

/// Reads a backup from memory.
func memoryReader(
    _ bytes: [UInt8], named name: String = "backup"
) throws(StoreError) -> BackupReader {
    var offset = 0
    return try BackupReader(name) { buffer throws(StoreError) in
        let count = min(buffer.count, bytes.count - offset)
        buffer.copyBytes(from: bytes[offset..<offset + count])
        offset += count
        return count
    }
}

/// Returns the error of `body`, which must throw one.
func failure(_ body: () throws -> Void) throws -> StoreError {
    do {
        try body()
    } catch let error as StoreError {
        return error
    }
    throw NoFailure()
}

struct NoFailure: Error {}
