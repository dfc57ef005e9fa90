import ImmudbBackup
import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

@Suite("A restored database", .ownThread)
struct RestoreTests {
    @Test("has the entries, kinds, batches, times and roots of the original")
    func sameDatabase() async throws {
        let source = try BackupFixture()
        for number in 0..<40 {
            try await source.appendMixed("\(number)", valueByteCount: number * 20)
        }
        let first = source.database.snapshot
        let full = try source.backupParts()
        for number in 40..<70 { try await source.appendMixed("\(number)") }
        let second = source.database.snapshot
        let backups = [full.flatMap { $0 }, try source.backup(since: first.trustedRoot)]
        let disk = SimulatedDisk()
        #expect(try BackupFixture.restore(backups, on: disk) == second.trustedRoot)
        let restored = try BackupFixture(disk)
        #expect(restored.database.snapshot.trustedRoot == second.trustedRoot)
        #expect(restored.database.identity == source.database.identity)
        #expect(
            try BackupFixture.entries(of: restored.database)
                == BackupFixture.entries(of: source.database))
        #expect(
            try restored.database.snapshot.get(Array("name 3".utf8))?.value
                == source.database.snapshot.get(Array("name 3".utf8))?.value)
        // A backup has everything that the ledger knows, so the backups of both are the same.
        let again = try restored.backupParts()
        let original = try source.backupParts()
        #expect(again.dropFirst().dropLast() == original.dropFirst().dropLast())
        #expect(again.count == 3)
        // The restored one goes on.
        try await restored.appendMixed("new")
        try restored.database.snapshot.consistencyProof(from: first.size)
            .verify(from: first.root, to: restored.database.snapshot.root)
        try restored.database.close()
        try source.database.close()
    }

    @Test("has frames that end with a batch, however large batches are beside chunks")
    func batchesOverChunks() async throws {
        let source = try BackupFixture()
        for number in UInt8(0)..<24 {
            let count = number == 11 ? 30 : 7
            try await source.database.setBatch(
                (0..<count).map { entry in
                    NewEntry(
                        key: [65, number, UInt8(entry)],
                        value: Array(repeating: number, count: number == 20 ? 1_200_000 : 90_000))
                })
        }
        let backup = try source.backup()
        let disk = SimulatedDisk()
        let end = source.database.snapshot.trustedRoot
        #expect(try BackupFixture.restore([backup], on: disk) == end)
        let restored = try BackupFixture(disk)
        #expect(restored.database.snapshot.trustedRoot == end)
        #expect(
            try BackupFixture.entries(of: restored.database)
                == BackupFixture.entries(of: source.database))
        #expect(
            try restored.backupParts()[1...].dropLast() == source.backupParts()[1...].dropLast())
        try restored.database.close()
        try source.database.close()
        var options = VerificationOptions()
        options.fileSystem = disk
        let report = try Database.verify(at: BackupFixture.path, options: options)
        #expect(report.isWhole, "\(report.problems)")
    }

    @Test("takes the largest batch that there can be, behind others")
    func largestBatch() async throws {
        let source = try BackupFixture()
        func entries(_ first: UInt8, _ count: Int) -> [NewEntry] {
            (0..<count).map { number in
                NewEntry(
                    key: [first] + withUnsafeBytes(of: UInt32(number)) { Array($0) }, value: [1])
            }
        }
        let batches = [
            entries(65, 100_000), entries(66, 50_000), entries(67, Limits.batchEntryCount),
        ]
        for batch in batches.dropLast() { source.database.append(batch) { _ in } }
        try await source.database.setBatch(batches[2])
        let end = source.database.snapshot.trustedRoot
        #expect(end.size.rawValue == UInt64(150_000 + Limits.batchEntryCount))
        #expect(try BackupFixture.restore([source.backup()]) == end)
        try source.database.close()
    }

    @Test("is empty if the original was, and another database if it shall be")
    func emptyAndNew() async throws {
        let source = try BackupFixture()
        let empty = try source.backup()
        #expect(try BackupFixture.restore([empty]) == .empty)
        try await source.appendMixed("a")
        let disk = SimulatedDisk()
        _ = try BackupFixture.restore([try source.backup()], on: disk, keepsIdentity: false)
        let other = try BackupFixture(disk)
        #expect(other.database.identity != source.database.identity)
        #expect(other.database.snapshot.root == source.database.snapshot.root)
        try other.database.close()
        try source.database.close()
    }

    @Test("ends at any size that is not inside of a batch")
    func pointInTime() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let middle = source.database.snapshot.trustedRoot
        try await source.appendMixed("b")
        let end = source.database.snapshot.trustedRoot
        let backups = [try source.backup()]
        for size in 0...end.size.rawValue {
            let wanted = TreeSize(size)
            // The entries 1 to 3, and 7 to 9, are batches.
            if [2, 3, 8, 9].contains(size) {
                let error = try failure { _ = try BackupFixture.restore(backups, until: wanted) }
                #expect(error.message.contains("give \(size < 6 ? 1 : 7) or \(size < 6 ? 4 : 10)"))
                continue
            }
            let disk = SimulatedDisk()
            // Also a root that lies beyond is verified.
            let root = try BackupFixture.restore(
                backups, on: disk, until: wanted, requiring: [middle, end])
            #expect(root.size == wanted)
            let restored = try BackupFixture(disk)
            #expect(restored.database.snapshot.trustedRoot == root)
            if wanted == middle.size { #expect(root == middle) }
            try restored.database.close()
        }
        let error = try failure {
            _ = try BackupFixture.restore(backups, until: TreeSize(end.size.rawValue + 1))
        }
        #expect(error.code == .indexNotFound)
        try source.database.close()
    }

    @Test("goes through the root that somebody remembers, or is refused")
    func knownRoots() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let known = source.database.snapshot.trustedRoot
        try await source.appendMixed("b")
        let backups = [try source.backup()]
        let end = source.database.snapshot.trustedRoot
        _ = try BackupFixture.restore(backups, requiring: [known, end])
        let wrong = TrustedRoot(size: known.size, root: end.root)
        let beyond = TrustedRoot(size: TreeSize(end.size.rawValue + 1), root: end.root)
        for root in [wrong, beyond] {
            let error = try failure { _ = try BackupFixture.restore(backups, requiring: [root]) }
            #expect(error.code == .otherHistory, "\(root)")
        }
        try source.database.close()
    }

    @Test("has every byte of backups of many chunks, and the first thing that is wrong is reported")
    func manyChunks() async throws {
        let source = try BackupFixture()
        for number in 0..<60 {
            try await source.database.set(
                [65, UInt8(number)], Array(repeating: UInt8(number), count: 700_000))
        }
        // Larger than all that may wait.
        try await source.database.set([66], Array(repeating: 66, count: 20 << 20))
        let parts = try source.backupParts()
        let root = source.database.snapshot.trustedRoot
        try source.database.close()
        var options = SimulatedDisk.Options()
        options.traceCapacity = 0
        let disk = SimulatedDisk(options: options)
        #expect(try BackupFixture.restore([parts.flatMap { $0 }], on: disk) == root)
        let restored = try BackupFixture(disk)
        #expect(
            try restored.database.snapshot.get([65, 59])?.value
                == Array(repeating: 59, count: 700_000))
        try restored.database.close()
        // Two chunks change places, and one behind them is damaged: it is read before the first ones are written.
        var wrong = parts
        wrong.swapAt(3, 4)
        wrong[7][500] ^= 1
        let error = try failure { _ = try BackupFixture.restore([wrong.flatMap { $0 }]) }
        #expect(error.message.contains("the next entry would be 2"), "\(error)")
    }

    @Test("is refused where something is: its folder holds a database")
    func notEmpty() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let backups = [try source.backup()]
        try source.database.close()
        let error = try failure { _ = try BackupFixture.restore(backups, on: source.disk) }
        #expect(error.code == .inUse)
    }
}

@Suite("A chain of backups", .ownThread)
struct ChainTests {
    @Test("is refused with a gap, out of order, twice, or without its beginning")
    func order() async throws {
        let source = try BackupFixture()
        var backups: [[UInt8]] = []
        var end = TrustedRoot.empty
        for number in 0..<4 {
            try await source.appendMixed("\(number)")
            backups.append(try source.backup(since: end))
            end = source.database.snapshot.trustedRoot
        }
        #expect(try BackupFixture.restore(backups) == end)
        let chains: [([Int], String)] = [
            ([1], "begins with entry 6: name the backups before it first"),
            ([0, 2], "one between them is missing"), ([0, 1, 3], "one between them is missing"),
            ([0, 2, 1, 3], "one between them is missing"),
            ([0, 1, 1], "which the backups before hold already"),
            ([0, 0], "a full backup cannot follow another backup"),
            ([], "no backup was given"),
        ]
        for (numbers, reason) in chains {
            let error = try failure {
                _ = try BackupFixture.restore(numbers.map { backups[$0] })
            }
            #expect(error.code == .otherHistory, "\(numbers)")
            #expect(error.message.contains(reason), "\(numbers): \(error)")
        }
        try source.database.close()
    }

    @Test("is refused with a backup of another database, or of another history of this one")
    func otherHistories() async throws {
        let source = try BackupFixture()
        let other = try BackupFixture()
        for fixture in [source, other] { try await fixture.appendMixed("a") }
        // The same entries, so that only the identity differs.
        let start = source.database.snapshot.trustedRoot
        #expect(start == other.database.snapshot.trustedRoot)
        let full = try source.backup()
        try await other.appendMixed("b")
        let foreign = try other.backup(since: start)
        #expect(
            try failure { _ = try BackupFixture.restore([full, foreign]) }.code == .foreignDatabase)

        // A copy that was written to after the backup.
        let disk = SimulatedDisk()
        _ = try BackupFixture.restore([full], on: disk)
        let fork = try BackupFixture(disk)
        try await fork.appendMixed("fork")
        try await source.appendMixed("source")
        let forkEnd = fork.database.snapshot.trustedRoot
        // Refused when it is made: the source has no such root.
        let error = try failure { _ = try source.backup(since: forkEnd) }
        #expect(error.code == .otherHistory)
        #expect(error.message.contains("another history"))
        try await fork.appendMixed("more")
        let incremental = try fork.backup(since: forkEnd)
        let backups = [full, try source.backup(since: start), incremental]
        let refused = try failure { _ = try BackupFixture.restore(backups) }
        #expect(refused.code == .otherHistory)
        #expect(refused.message.contains("continues another history"))
        // A database that has fewer entries than the backup: an older copy.
        let older = try failure { _ = try source.backup(since: fork.database.snapshot.trustedRoot) }
        #expect(older.message.contains("older copy"))
        for fixture in [source, other, fork] { try fixture.database.close() }
    }
}
