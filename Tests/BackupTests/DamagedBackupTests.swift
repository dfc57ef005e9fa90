import ImmudbBackup
import ImmudbStore
import OwnThread
import SimulatedDisk
import Testing

@Suite("A damaged backup", .ownThread)
struct DamagedBackupTests {
    /// Returns a full backup and an incremental one.
    private func backups() async throws -> (chain: [[UInt8]], parts: [[[UInt8]]]) {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let start = source.database.snapshot.trustedRoot
        let full = try source.backupParts()
        try await source.appendMixed("b")
        try await source.database.set([65], Array(repeating: 1, count: 100))
        let incremental = try source.backupParts(since: start)
        try source.database.close()
        return ([full, incremental].map { $0.flatMap { $0 } }, [full, incremental])
    }

    @Test("is refused, whichever bit of it is flipped")
    func everyByte() async throws {
        let (chain, _) = try await backups()
        for number in chain.indices {
            for offset in chain[number].indices {
                var damaged = chain
                damaged[number][offset] ^= 1 << UInt8(offset % 8)
                let error = try failure { _ = try BackupFixture.restore(damaged) }
                // An accident, or bytes that are not a backup; never somebody's change.
                #expect(
                    [.corruption, .incompatibleFormat].contains(error.code),
                    "byte \(offset) of backup \(number): \(error)")
                // The version may be that of another program.
                if !(8..<12).contains(offset) { #expect(error.code == .corruption, "\(offset)") }
                #expect(error.message.contains("backup \(number), byte "), "\(error)")
            }
        }
    }

    @Test("is refused as incomplete, wherever it is cut")
    func everyCut() async throws {
        let (chain, parts) = try await backups()
        for number in chain.indices {
            for end in chain[number].indices {
                var cut = chain
                cut[number].removeSubrange(end...)
                let error = try failure { _ = try BackupFixture.restore(cut) }
                let isInHead = end < parts[number][0].count
                #expect(
                    isInHead
                        ? [.corruption, .incompatibleFormat].contains(error.code)
                        : error.code == .corruption && error.message.contains("incomplete"),
                    "\(end) bytes of backup \(number): \(error)")
            }
        }
    }

    @Test("is refused if a chunk is missing, doubled, or of another backup, or if more follows it")
    func chunks() async throws {
        let (chain, parts) = try await backups()
        let (full, incremental) = (parts[0], parts[1])
        let wrong: [[[UInt8]]] = [
            [full[0], full[2]], [full[0], full[1], full[1], full[2]],
            [full[0], incremental[1], full[2]], [full[0], full[1], incremental[2]],
            [full[0], full[1], full[2], [0]], [full[0], full[1], full[2]] + incremental,
            [full[1], full[2]], [full[0], full[0], full[1], full[2]],
        ]
        for (number, parts) in wrong.enumerated() {
            let error = try failure {
                _ = try BackupFixture.restore([parts.flatMap { $0 }, chain[1]])
            }
            #expect(
                [.corruption, .tampered, .incompatibleFormat].contains(error.code),
                "\(number): \(error)")
        }
    }

    @Test("is refused as changed by somebody, if all checksums are right")
    func forged() async throws {
        // The chunks of a database that differs in one byte, in the frame of the right one.
        var parts: [[[UInt8]]] = []
        for value in [1, 2] as [UInt8] {
            let source = try BackupFixture()
            try await source.database.set([65], [value])
            parts.append(try source.backupParts())
            try source.database.close()
        }
        let identities = try parts.map { try BackupHead($0[0]).identity }
        var builder = ChunkBuilder(identities[0])
        [UInt8]([65]).withUnsafeBytes { key in
            [UInt8]([2]).withUnsafeBytes { value in
                builder.add(
                    BackupEntry(
                        index: EntryIndex(0), kind: .value, isEndOfBatch: true,
                        isFirstOfFrame: true,
                        timeMicroseconds: 0, key: key, value: value))
            }
        }
        let root = Digest.leaf(index: EntryIndex(0), key: [65] as [UInt8], value: [1])
        // A value that was changed, with its checksum, under the root of the right one.
        let changed = try failure {
            _ = try BackupFixture.restore([parts[0][0] + builder.finish(root: root) + parts[0][2]])
        }
        #expect(changed.code == .tampered)
        #expect(changed.message.contains("somebody changed"))
        // With its root as well: only the trailer, or a known root, shows it.
        let source = try BackupFixture()
        try await source.database.set([65], [2])
        let forged = try source.backup()
        let known = try #require(BackupTrailer(parts[0][2], identities[0])).end
        let refused = try failure {
            _ = try BackupFixture.restore([forged], requiring: [known])
        }
        #expect(refused.code == .otherHistory)
        try source.database.close()
    }
}
