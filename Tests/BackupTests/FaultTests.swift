import ImmudbBackup
import ImmudbServer
import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

/// Backups and restores on disks where any call fails, where the power fails, and where there is no room.
@Suite("On a failing disk", .serialized, .ownThread)
struct FaultTests {
    private static let file = "/backups/full.backup"
    private static let target = "/new"

    private func source() async throws -> BackupFixture {
        let source = try BackupFixture()
        for number in 0..<3 { try await source.appendMixed("\(number)") }
        return source
    }

    private static func backupDisk(seed: UInt64 = 0) throws -> SimulatedDisk {
        var options = SimulatedDisk.Options()
        options.traceCapacity = 20_000
        let disk = SimulatedDisk(seed: seed, options: options)
        try disk.createDirectory("/backups")
        return disk
    }

    private static func write(_ source: BackupFixture, to disk: SimulatedDisk) throws(StoreError) {
        let file = try BackupFile(file, replaces: false, fileSystem: disk)
        do throws(StoreError) {
            var request = BackupRequest()
            request.serverIdentifier = Array(1...12)
            request.resumingAt = file.unfinished?.end
            let backup = try source.database.backup(request)
            try file.begin(backup.head)
            try backup.write { part throws(StoreError) in try file.append(part) }
            try file.complete()
        } catch {
            file.discardIfEmpty()
            throw error
        }
    }

    /// Expects a complete backup under the name, or none.
    ///
    /// - Returns: whether there is one.
    private static func check(_ disk: SimulatedDisk, _ source: BackupFixture) throws -> Bool {
        guard let bytes = disk.bytes(of: file) else { return false }
        #expect(try BackupFixture.restore([bytes]) == source.database.snapshot.trustedRoot)
        return true
    }

    @Test("a backup fails clearly, and the next attempt completes it, whichever call fails")
    func backupCalls() async throws {
        let source = try await source()
        let clean = try Self.backupDisk()
        let first = clean.callCount
        try Self.write(source, to: clean)
        var failed = 0
        for call in clean.calls where call.number > first {
            for error in call.kind.possibleErrors {
                let disk = try Self.backupDisk(seed: UInt64(call.number))
                disk.fail(.call(call.number), error: error)
                do throws(StoreError) {
                    try Self.write(source, to: disk)
                } catch {
                    failed += 1
                    #expect(
                        error.code != .corruption && error.code != .tampered, "\(call): \(error)")
                }
                disk.heal()
                if try !Self.check(disk, source) {
                    try Self.write(source, to: disk)
                    #expect(try Self.check(disk, source), "\(call)")
                }
                #expect(disk.bytes(of: Self.file + ".part") == nil, "\(call)")
            }
        }
        #expect(failed > 20)
        try source.database.close()
    }

    @Test("a backup is whole or has no name after a power failure at any call, and is continued")
    func backupCrashes() async throws {
        let source = try await source()
        let clean = try Self.backupDisk()
        let first = clean.callCount
        try Self.write(source, to: clean)
        for number in first...clean.callCount {
            for policy in [
                .losingUnsynchronized, .keepingUnsynchronized, .keepingSome(seed: UInt64(number)),
            ] as [CrashPolicy] {
                let disk = try Self.backupDisk()
                disk.stop(afterCall: number)
                try? Self.write(source, to: disk)
                let next = disk.crashed(policy)
                // The folder itself may be gone.
                try next.createDirectory("/backups")
                if try !Self.check(next, source) {
                    try Self.write(source, to: next)
                    #expect(try Self.check(next, source), "call \(number), \(policy)")
                }
            }
        }
        try source.database.close()
    }

    @Test("a backup without room says so, and goes on when there is room")
    func backupWithoutRoom() async throws {
        let source = try BackupFixture()
        for number in 0..<8 {
            try await source.database.set([65, UInt8(number)], Array(repeating: 3, count: 400_000))
        }
        let disk = try Self.backupDisk()
        disk.limits.byteCount = 2 << 20
        let error = try failure { try Self.write(source, to: disk) }
        #expect(error.code == .noSpace)
        #expect(error.message.contains(Self.file), "\(error)")
        #expect(disk.bytes(of: Self.file) == nil)
        disk.limits.byteCount = nil
        let before = disk.bytes(of: Self.file + ".part")?.count ?? 0
        #expect(before > 800_000)
        try Self.write(source, to: disk)
        #expect(try Self.check(disk, source))
        try source.database.close()
    }

    // MARK: restore

    private static func restore(_ backups: [[UInt8]], on disk: SimulatedDisk) throws(StoreError) {
        var options = FolderRestore.Options(directory: target)
        options.fileSystem = disk
        options.remove = { _ in }
        _ = try FolderRestore(options).run(backups.indices.map { "\($0)" }) {
            name throws(StoreError) in
            try memoryReader(backups[Int(name) ?? 0], named: name)
        }
    }

    /// Expects the whole data folder under its name, or none.
    private static func checkFolder(_ disk: SimulatedDisk, _ root: TrustedRoot) throws -> Bool {
        guard try disk.exists(target) else { return false }
        let database = try Database.open(
            at: "\(target)/immudb", options: BackupFixture.options(disk))
        #expect(database.snapshot.trustedRoot == root)
        try database.close()
        #expect(disk.bytes(of: "\(target)/immudb.identifier") == Array(1...12))
        let users = try Database.open(
            at: "\(target)/immudbsys", options: BackupFixture.options(disk))
        let last = try users.snapshot.entry(at: EntryIndex(0))
        #expect(last.text?.contains("done, root \(root.text)") == true)
        #expect(last.text?.contains("\"restore\"") == true)
        try users.close()
        return true
    }

    @Test("a restore fails clearly or is whole, whichever call fails, and the power after it")
    func restoreCalls() async throws {
        let source = try await source()
        let root = source.database.snapshot.trustedRoot
        let backups = [try source.backup()]
        try source.database.close()
        var options = SimulatedDisk.Options()
        options.traceCapacity = 20_000
        let clean = SimulatedDisk(options: options)
        try Self.restore(backups, on: clean)
        #expect(try Self.checkFolder(clean, root))
        var outcomes = (failed: 0, whole: 0)
        let calls = clean.calls
        let step = max(1, calls.count / 150)
        for call in calls
        where call.number % step == 0 || call.path.contains("/immudb/ledger")
            || [.rename, .createDirectory, .exists].contains(call.kind)
        {
            let error = call.kind.possibleErrors[call.number % call.kind.possibleErrors.count]
            let disk = SimulatedDisk(seed: UInt64(call.number))
            disk.fail(.call(call.number), error: error)
            let result = Result { () throws(StoreError) in try Self.restore(backups, on: disk) }
            disk.heal()
            switch result {
            case .success:
                outcomes.whole += 1
                #expect(try Self.checkFolder(disk, root), "\(call)")
                let crashed = disk.crashed(.losingUnsynchronized)
                #expect(try Self.checkFolder(crashed, root), "\(call), then the power")
            case .failure(let failure):
                outcomes.failed += 1
                #expect(
                    failure.code != .corruption && failure.code != .tampered, "\(call): \(failure)")
                // Whole, if the rename itself was reported as failed.
                if try Self.checkFolder(disk, root) { continue }
                try Self.restore(backups, on: disk)
                #expect(try Self.checkFolder(disk, root), "\(call), second attempt")
            }
        }
        #expect(outcomes.failed > 40)
    }

    @Test("a restore is whole or has no name after a power failure at any call")
    func restoreCrashes() async throws {
        let source = try await source()
        let root = source.database.snapshot.trustedRoot
        let backups = [try source.backup()]
        try source.database.close()
        let clean = SimulatedDisk()
        try Self.restore(backups, on: clean)
        let end = clean.callCount
        let step = max(1, end / 80)
        var whole = 0
        for number in 0...end where number % step == 0 || number > end - 12 {
            let disk = SimulatedDisk(seed: UInt64(number))
            disk.stop(afterCall: number)
            try? Self.restore(backups, on: disk)
            for policy in [
                .losingUnsynchronized, .keepingUnsynchronized, .keepingSome(seed: UInt64(number)),
            ] as [CrashPolicy] {
                let next = disk.crashed(policy)
                if try Self.checkFolder(next, root) { whole += 1 }
            }
        }
        #expect(whole > 0)
    }

    @Test("a restore without room says so, and leaves nothing that looks complete")
    func restoreWithoutRoom() async throws {
        let source = try BackupFixture()
        for number in 0..<8 {
            try await source.database.set(
                [65, UInt8(number)], Array(repeating: 3, count: 3_000_000))
        }
        let backups = [try source.backup()]
        try source.database.close()
        let disk = SimulatedDisk()
        disk.limits.byteCount = 20 << 20
        #expect(try failure { try Self.restore(backups, on: disk) }.code == .noSpace)
        #expect(try !disk.exists(Self.target))
    }
}
