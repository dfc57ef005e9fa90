import ImmudbBackup
import ImmudbStore
import MerkleTree
import OwnThread
import SimulatedDisk
import StorageIO
import TestTools
import Testing

@Suite("A backup that somebody changed, with its checksums", .ownThread)
struct ForgedBackupTests {
    /// Returns the checksum of a part: over the identity, then the bytes.
    private func checksum(_ bytes: some Collection<UInt8>, _ identity: [UInt8]) -> [UInt8] {
        var crc = CRC32C()
        for part in [identity, Array(bytes)] { part.withUnsafeBytes { crc.update($0) } }
        return withUnsafeBytes(of: crc.value.littleEndian) { Array($0) }
    }

    /// Makes all checksums of a chunk right.
    private func seal(_ chunk: [UInt8], _ identity: [UInt8]) -> [UInt8] {
        var chunk = chunk
        chunk.replaceSubrange(32..<36, with: checksum(chunk[40...], []))
        chunk.replaceSubrange(36..<40, with: checksum(chunk[..<36], identity))
        return chunk
    }

    /// Opens a restored database, which makes its index.
    private static func open(_ disk: SimulatedDisk, _ root: TrustedRoot) throws(StoreError) {
        let database = try Database.open(
            at: BackupFixture.path, options: BackupFixture.options(disk))
        #expect(database.snapshot.trustedRoot == root)
        try database.close()
    }

    @Test("is refused if its head has an identifier and says that it has none")
    func hiddenIdentifier() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let parts = try source.backupParts()
        let identity = source.database.identity.bytes
        try source.database.close()
        var head = parts[0]
        #expect(head[32..<44].contains { $0 != 0 } && head[44] == 1)
        head[44] = 0
        head = Array(head.dropLast(4)) + checksum(head.dropLast(4), identity)
        let error = try failure { _ = try BackupFixture.restore([head] + parts[1...]) }
        #expect(error.code == .corruption && error.message.contains("head"), "\(error)")
    }

    @Test("is refused if a value has become a member of a sorted set")
    func otherKind() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let parts = try source.backupParts()
        var chunk = parts[1]
        // The kind of entry 0.
        chunk[40] = 2
        let forged = parts[0] + seal(chunk, source.database.identity.bytes) + parts[2]
        try source.database.close()
        let error = try failure { _ = try BackupFixture.restore([forged]) }
        #expect(error.code == .tampered && error.message.contains("entry 0"), "\(error)")
    }

    @Test("is refused if a value has become a reference to nothing")
    func emptyReference() async throws {
        let source = try BackupFixture()
        try await source.database.set([65], [])
        let parts = try source.backupParts()
        var chunk = parts[1]
        chunk[40] = 1
        let forged = parts[0] + seal(chunk, source.database.identity.bytes) + parts[2]
        try source.database.close()
        let error = try failure { _ = try BackupFixture.restore([forged]) }
        #expect(error.code == .tampered && error.message.contains("entry 0"), "\(error)")
    }

    @Test("is refused if its last batch does not end", arguments: [nil, 1])
    func endlessBatch(until: UInt64?) async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let parts = try source.backupParts()
        var chunk = parts[1]
        var place = 40
        for _ in 0..<source.database.snapshot.size.rawValue {
            let isFirstOfFrame = chunk[place + 1] & 2 != 0
            // The mark of the end of a batch.
            chunk[place + 1] &= ~1
            let byteCounts = [4, 8].map { Int(chunk[place + $0]) | Int(chunk[place + $0 + 1]) << 8 }
            place += (isFirstOfFrame ? 20 : 12) + byteCounts[0] + byteCounts[1]
        }
        let forged = parts[0] + seal(chunk, source.database.identity.bytes) + parts[2]
        try source.database.close()
        let error = try failure {
            _ = try BackupFixture.restore([forged], until: until.flatMap { TreeSize(rawValue: $0) })
        }
        #expect(error.code == .tampered && error.message.contains("does not end"), "\(error)")
    }

    @Test("is refused, or has the same entries", arguments: UInt64(1)...8)
    func randomChanges(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let source = try BackupFixture()
        for number in 0..<3 { try await source.appendMixed("\(number)") }
        let parts = try source.backupParts()
        let root = source.database.snapshot.trustedRoot
        let identity = source.database.identity.bytes
        try source.database.close()
        #expect(seal(parts[1], identity) == parts[1])
        var refused = 0
        for _ in 0..<400 {
            var chunk = parts[1]
            for _ in 0...random.next(below: 3) {
                let place = random.next(below: chunk.count)
                switch random.next(below: 4) {
                case 0: chunk[place] ^= 1 << UInt8(random.next(below: 8))
                case 1: chunk[place] = [0, 1, 2, 127, 128, 255][random.next(below: 6)]
                case 2: chunk.insert(UInt8(random.next(below: 256)), at: place)
                default: if chunk.count > 80 { chunk.remove(at: place) }
                }
            }
            let backup = parts[0] + seal(chunk, identity) + parts[2]
            do throws(StoreError) {
                // Kinds, marks and times are in no leaf; entries and their order are.
                let disk = SimulatedDisk()
                let found = try BackupFixture.restore([backup], on: disk)
                #expect(found == root, "seed \(seed)")
                try Self.open(disk, root)
            } catch {
                refused += 1
                #expect(
                    [.corruption, .tampered, .incompatibleFormat].contains(error.code),
                    "seed \(seed): \(error)")
            }
        }
        #expect(refused > 200, "seed \(seed)")
    }
}
