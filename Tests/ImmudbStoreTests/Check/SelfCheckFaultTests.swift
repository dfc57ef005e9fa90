import OwnThread
import SimulatedDisk
import StorageIO
import Synchronization
import TestTools
import Testing

@testable import ImmudbStore

/// The self-check on a disk that fails.
@Suite(.ownThread)
struct SelfCheckFaultTests {
    private func open(on disk: SimulatedDisk, _ log: LogLines = LogLines()) throws -> Database {
        var options = Database.Options()
        options.fileSystem = disk
        options.log = log.sink
        return try Database.open(at: "/db", options: options)
    }

    private func filled() async throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: 1)
        let database = try open(on: disk)
        try await database.setBatch(
            (0..<1500).map { NewEntry(key: bytes("key \($0)"), value: bytes("value \($0)")) })
        // Has the self-check a position to find.
        database.check(lasting: .seconds(3))
        try database.close()
        return disk
    }

    @Test("goes on after any call of it that fails, and calls that no damage")
    func failEveryCallOnce() async throws {
        let base = try await filled()
        var failedCount = 0
        var number = 1
        while true {
            let disk = base.copy()
            let log = LogLines()
            let database = try open(on: disk, log)
            let before = disk.callCount
            disk.fail(.call(before + number), error: 5)
            let check = database.check(lasting: .seconds(8))
            let hasFailed = disk.callCount >= before + number
            #expect(check.progress.roundCount >= 2, "call \(number): \(log.all)")
            #expect(database.damage == nil, "call \(number): \(log.all)")
            disk.heal()
            try await database.set(bytes("more"), bytes("value"))
            #expect(try await database.get(bytes("key 1400"))?.index == EntryIndex(1400))
            try database.close()
            guard hasFailed else { break }
            failedCount += 1
            number += 1
        }
        #expect(failedCount > 15)
    }

    @Test("says which entries it could not read, once a round, and that they are not checked")
    func unreadable() async throws {
        let disk = try await filled()
        let log = LogLines()
        let database = try open(on: disk, log)
        disk.fail(.matching { $0.path.hasSuffix(".segment") }, error: 5, times: nil)
        let check = database.check(lasting: .seconds(4))
        #expect(check.progress.unreadBlockCount >= 2)
        #expect(check.progress.entryCount == 0)
        #expect(
            log.all.contains { $0.contains("the self-check cannot read the entries from ") })
        #expect(database.damage == nil)
        disk.heal()
        #expect(database.check(lasting: .seconds(4)).progress.entryCount >= 1500)
        try database.close()
    }

    @Test("keeps its old or its new position when the power fails while it is written")
    func powerFailure() async throws {
        let base = try await filled()
        var number = 1
        while true {
            let disk = base.copy()
            let database = try open(on: disk)
            let before = disk.callCount
            disk.stop(afterCall: before + number)
            database.check(lasting: .seconds(3))
            let isStopped = disk.isStopped
            let crashed = disk.crashed(.losingUnsynchronized)
            try? database.close()
            let log = LogLines()
            let reopened = try open(on: crashed, log)
            let check = reopened.check(lasting: .seconds(3))
            #expect(check.progress.roundCount >= 2, "call \(number)")
            #expect(!log.all.contains { $0.contains("check is damaged") }, "call \(number)")
            #expect(reopened.damage == nil)
            try reopened.close()
            guard isStopped else { break }
            number += 1
        }
        #expect(number > 10)
    }

    @Test("takes bytes that a disk returns wrongly once for no damage, and so do reads")
    func wrongOnce() async throws {
        let folder = TemporaryFolder()
        try await Database.fill(folder, 100)
        let disk = GlitchingFileSystem()
        let log = LogLines()
        let database = try Database.openInOneSegment(folder, log: log, fileSystem: disk)
        disk.isArmed.store(true, ordering: .relaxed)
        #expect(try database.snapshot.entry(at: EntryIndex(7)).value == bytes("value 7"))
        #expect(log.all.contains { $0.contains("entry 7 was read wrongly once") })
        disk.isArmed.store(true, ordering: .relaxed)
        #expect(database.check(lasting: .seconds(1)).progress.entryCount >= 100)
        let isStillArmed = disk.isArmed.load(ordering: .relaxed)
        #expect(!isStillArmed)
        #expect(database.damage == nil)
        try database.close()
    }
}

/// The real file system, whose next read of a segment returns a changed byte if it is armed.
private final class GlitchingFileSystem: ForwardingFileSystem {
    let base = POSIXFileSystem()
    let isArmed = Atomic(false)

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        let file = try base.open(path, mode)
        return path.hasSuffix(".segment") ? GlitchingFile(file, self) : file
    }
}

private final class GlitchingFile: ForwardingFile {
    let base: any StorageFile
    private let owner: GlitchingFileSystem

    init(_ base: any StorageFile, _ owner: GlitchingFileSystem) {
        self.base = base
        self.owner = owner
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StoreError) -> Int {
        let count = try base.read(into: buffer, at: offset)
        // In the key, behind the record's head.
        if count > 20, owner.isArmed.exchange(false, ordering: .relaxed) { buffer[18] ^= 1 }
        return count
    }
}
