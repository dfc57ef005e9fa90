import ImmudbBackup
import ImmudbStore
import OwnThread
import SimulatedDisk
import Testing

@Suite("A backup of a live database", .ownThread)
struct LiveBackupTests {
    @Test("holds what was there when it began, however much is appended meanwhile")
    func snapshot() async throws {
        let source = try BackupFixture()
        for number in 0..<20 { try await source.appendMixed("\(number)", valueByteCount: 2_000) }
        let end = source.database.snapshot.trustedRoot
        let backup = try source.database.backup()
        var bytes = backup.head.bytes
        while let part = try backup.nextPart() {
            bytes += part
            try await source.appendMixed("meanwhile", valueByteCount: 3_000)
        }
        #expect(backup.end == end)
        #expect(try BackupFixture.restore([bytes]) == end)
        try source.database.close()
    }

    @Test("takes at most 5 % more than keys and values, and 24 bytes an entry")
    func size() async throws {
        let source = try BackupFixture()
        var byteCount = 0
        for number in 0..<300 {
            let value = Array(repeating: UInt8(1), count: number % 40)
            try await source.database.set(Array("key \(number)".utf8), value)
            byteCount += "key \(number)".utf8.count + value.count
        }
        // An entry that is larger than a chunk, and the one after it.
        for count in [1_500_000, 10] {
            try await source.database.set([65], Array(repeating: 1, count: count))
            byteCount += 1 + count
        }
        let size = try source.backup().count
        #expect(Double(size) <= 1.05 * Double(byteCount) + 24 * 302)
        try source.database.close()
    }

    @Test("fails with the name of an entry that is damaged on disk")
    func damagedEntry() async throws {
        let source = try BackupFixture()
        for number in 0..<3 { try await source.appendMixed("\(number)") }
        let path = "\(BackupFixture.path)/ledger/0000000000.segment"
        let bytes = try #require(source.disk.bytes(of: path))
        // The value of entry 6, the first one of its frame.
        let key = Array("key 1".utf8)
        let place = try #require(
            bytes.indices.first { bytes[$0...].starts(with: key + [7, 7, 7]) })
        source.disk.flip(path, byte: place + key.count + 2, bit: 3)
        let error = try failure { _ = try source.backup() }
        #expect(error.code == .corruption)
        #expect(error.message.contains("entry 6"), "\(error)")
        #expect(error.message.contains(path), "\(error)")
        try source.database.close()
    }

    @Test("is continued behind any of its chunks")
    func resumed() async throws {
        let source = try BackupFixture()
        for number in 0..<30 {
            try await source.database.set([65, UInt8(number)], Array(repeating: 3, count: 150_000))
        }
        let parts = try source.backupParts()
        #expect(parts.count > 5)
        try await source.appendMixed("later")
        for end in 1..<parts.count - 1 {
            let whole = parts[...end].flatMap { $0 }
            var reader = try memoryReader(whole)
            var resumption = BackupRequest()
            while case .chunk(let chunk)? = try? reader.next() {
                resumption.resumingAt = TrustedRoot(
                    size: TreeSize(chunk.endIndex.rawValue), root: chunk.root)
            }
            let rest = try source.database.backup(resumption)
            var bytes = whole
            while let part = try rest.nextPart() { bytes += part }
            #expect(try BackupFixture.restore([bytes]) == source.database.snapshot.trustedRoot)
        }
        try source.database.close()
    }

    @Test("stops when it is cancelled, and is refused by a closed database")
    func ends() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let cancellation = Cancellation()
        let backup = try source.database.backup()
        cancellation.cancel()
        let cancelled = try failure { try backup.write(cancellation: cancellation) { _ in } }
        #expect(cancelled.code == .cancelled)
        let other = try source.database.backup()
        try source.database.close()
        #expect(try failure { _ = try other.nextPart() }.code == .closed)
        #expect(try failure { _ = try source.backup() }.code == .closed)
    }
}
