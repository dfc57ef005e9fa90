import Foundation
import ImmudbStore
import MerkleTree
import OwnThread
import StorageIO
import Synchronization
import TestTools
import Testing

/// The behaviour of the database when the disk fails.
@Suite(.ownThread)
struct FailureTests {
    private func open(
        _ folder: TemporaryFolder, _ fileSystem: FaultyFileSystem,
        _ durability: Durability = .always, log: LogLines = LogLines()
    ) throws -> Database {
        var options = Database.Options()
        options.segmentByteCount = 4096
        options.fileSystem = fileSystem
        options.durability = durability
        options.log = log.sink
        return try Database.open(at: folder.path, options: options)
    }

    @Test(
        "makes acknowledged entries durable at close, also after a failed write"
    )
    func closeAfterFailedWrite() async throws {
        let folder = TemporaryFolder()
        let disk = FaultyFileSystem()
        let database = try open(folder, disk, .never)
        try await database.set(bytes("a"), bytes("1"))
        disk.faults.withLock { $0.write = StoreError(.io, "cannot write to the test's disk") }
        await #expect(throws: StoreError(.outcomeUnknown, "")) {
            try await database.set(bytes("b"), bytes("2"))
        }
        disk.faults.withLock { $0.write = nil }
        let count = disk.synchronizeDataCount
        try database.close()
        #expect(disk.synchronizeDataCount > count)
    }

    @Test("reports that a write is stored if its proof cannot be made")
    func storedUnproven() async throws {
        let folder = TemporaryFolder()
        let database = try open(folder, FaultyFileSystem())
        // In one of the rounds, the database is closed after the entries are stored and before
        // their proofs are made; in the others before the append, or not at all.
        var codes: Set<StoreError.Code> = []
        async let closed: Void = {
            try await Task.sleep(for: .milliseconds(30))
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    try? database.close()
                    continuation.resume()
                }
            }
        }()
        while !codes.contains(.closed) {
            do {
                _ = try await database.setProven(bytes("k"), bytes("v"))
            } catch {
                codes.insert(error.code)
            }
        }
        try await closed
        #expect(codes.isSubset(of: [.closed, .storedUnproven]))
        let again = try open(folder, FaultyFileSystem())
        #expect(try await again.get(bytes("k")) != nil)
        try again.close()
    }

    @Test(
        "writes nothing after a failed write or sync, keeps the reason, and continues to read",
        arguments: [true, false])
    func failedWrite(failsAtSync: Bool) async throws {
        let folder = TemporaryFolder()
        let disk = FaultyFileSystem()
        let log = LogLines()
        let database = try open(folder, disk, log: log)
        try await database.set(bytes("a"), bytes("1"))
        let error = StoreError(.io, "cannot write to the test's disk")
        disk.faults.withLock {
            if failsAtSync { $0.synchronizeData = error } else { $0.write = error }
        }
        await #expect(throws: StoreError(.outcomeUnknown, "")) {
            try await database.set(bytes("b"), bytes("2"))
        }
        // The disk works again, but its content is unknown.
        disk.faults.withLock {
            $0.synchronizeData = nil
            $0.write = nil
        }
        let stopped = await #expect(throws: StoreError.self) {
            try await database.set(bytes("c"), bytes("3"))
        }
        #expect(stopped?.code == .writesStopped)
        #expect(stopped?.description.contains("cannot write to the test's disk") == true)
        #expect(!database.health.isWritable)
        #expect(database.health.reason?.contains("cannot write to the test's disk") == true)
        #expect(log.all.contains { $0.hasPrefix("error: ") })
        #expect(try await database.get(bytes("a"))?.value == bytes("1"))
        #expect(try await database.get(bytes("b")) == nil)
        let proven = try #require(try await database.getProven(bytes("a")))
        try proven.proof.verify(proven.entry, since: .empty)
        try database.close()

        let again = try open(folder, disk)
        #expect(try await again.get(bytes("a"))?.value == bytes("1"))
        #expect(try await again.get(bytes("c")) == nil)
        let size = again.snapshot.size
        #expect(try await again.set(bytes("d"), []).rawValue == size.rawValue)
    }

    @Test(
        "refuses writes by name on a full disk, loses nothing, and continues once there is space"
    )
    func fullDisk() async throws {
        let folder = TemporaryFolder()
        let disk = FaultyFileSystem()
        let database = try open(folder, disk)
        try await database.set(bytes("a"), bytes("1"))
        disk.faults.withLock { $0.allocate = StoreError(.noSpace, "No space left on device") }
        // Larger than a segment, so that it needs one of its own.
        let large = [UInt8](repeating: 1, count: 5000)
        await #expect(throws: StoreError(.noSpace, "")) {
            try await database.set(bytes("large"), large)
        }
        #expect(database.health.isWritable)
        #expect(try await database.get(bytes("large")) == nil)
        #expect(try await database.get(bytes("a"))?.value == bytes("1"))
        disk.faults.withLock { $0.allocate = nil }
        #expect(try await database.set(bytes("large"), large) == EntryIndex(1))
        try database.close()
        #expect(try open(folder, disk).snapshot.root == database.snapshot.root)
    }

    @Test(
        "refuses writes and openings by name with almost no space left, and continues to read")
    func almostFullDisk() async throws {
        let folder = TemporaryFolder()
        let disk = FaultyFileSystem()
        let database = try open(folder, disk)
        try await database.set(bytes("a"), bytes("1"))
        disk.faults.withLock { $0.freeByteCount = 3 << 20 }
        // The free space is checked once for each mebibyte.
        _ = try? await database.set(bytes("large"), [UInt8](repeating: 1, count: 2 << 20))
        let refused = await #expect(throws: StoreError.self) {
            try await database.set(bytes("b"), [])
        }
        #expect(refused?.code == .noSpace)
        #expect(refused?.message.contains("only 3145728 bytes are free") == true)
        #expect(try await database.get(bytes("a"))?.value == bytes("1"))
        try database.close()
        let closed = #expect(throws: StoreError.self) { try open(folder, disk) }
        #expect(closed?.code == .noSpace)
        disk.faults.withLock { $0.freeByteCount = nil }
        let again = try open(folder, disk)
        #expect(try await again.get(bytes("a"))?.value == bytes("1"))
        try await again.set(bytes("b"), [])
    }

    @Test("notices within a moment that others have filled the disk, however little is written")
    func diskFilledByOthers() async throws {
        let folder = TemporaryFolder()
        let disk = FaultyFileSystem()
        let database = try open(folder, disk)
        try await database.set(bytes("a"), bytes("1"))
        disk.faults.withLock { $0.freeByteCount = 11 << 20 }
        try await Task.sleep(for: .milliseconds(200))
        let refused = await #expect(throws: StoreError.self) {
            try await database.set(bytes("b"), [])
        }
        #expect(refused?.code == .noSpace)
        disk.faults.withLock { $0.freeByteCount = 13 << 20 }
        try await database.set(bytes("b"), [])
        try database.close()
    }

    @Test("refuses writes by name with almost no inodes left, and continues once there are some")
    func fewInodes() async throws {
        let folder = TemporaryFolder()
        let disk = FaultyFileSystem()
        disk.faults.withLock { $0.freeFileCount = 15 }
        let database = try open(folder, disk)
        let refused = await #expect(throws: StoreError.self) {
            try await database.set(bytes("a"), [])
        }
        #expect(refused?.code == .noSpace)
        #expect(refused?.message.contains("only 15 more files (inodes)") == true)
        disk.faults.withLock { $0.freeFileCount = 16 }
        try await database.set(bytes("a"), [])
        try database.close()
    }

    @Test("refuses only the write whose call failed before anything was written, as not stored")
    func notStored() async throws {
        let folder = TemporaryFolder()
        let disk = FaultyFileSystem()
        let database = try open(folder, disk)
        try await database.set(bytes("a"), bytes("1"))
        disk.faults.withLock { $0.allocate = StoreError(.io, "cannot reserve") }
        // Larger than a segment, so that it needs one of its own.
        let large = [UInt8](repeating: 1, count: 5000)
        await #expect(throws: StoreError(.notStored, "")) {
            try await database.set(bytes("large"), large)
        }
        #expect(database.health.isWritable)
        disk.faults.withLock { $0.allocate = nil }
        #expect(try await database.set(bytes("large"), large) == EntryIndex(1))
        try database.close()
        #expect(try open(folder, disk).snapshot.size == TreeSize(2))
    }

    @Test("synchronizes the ledger before the tree's mark moves and the key index writes a file")
    func viewsStayBehind() async throws {
        let folder = TemporaryFolder()
        let disk = FaultyFileSystem()
        var options = Database.Options()
        options.fileSystem = disk
        options.durability = .never
        let database = try Database.open(at: folder.path, options: options)
        let countAtOpen = disk.synchronizeDataCount
        // Enough for one checkpoint of the tree and one flush of the index.
        try await database.setBatch((0..<101_000).map { NewEntry(key: bytes("\($0)"), value: []) })
        for _ in 0..<1000 where disk.synchronizeDataCount < countAtOpen + 2 {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(disk.synchronizeDataCount == countAtOpen + 2)
        try database.close()
    }

    @Test("syncs for each acknowledged append of a single writer, unless less was requested")
    func syncs() async throws {
        let intervalMilliseconds = 50
        for durability in [
            Durability.always, .interval(milliseconds: intervalMilliseconds), .never,
        ] {
            let folder = TemporaryFolder()
            let disk = FaultyFileSystem()
            var options = Database.Options()
            options.fileSystem = disk
            options.durability = durability
            let database = try Database.open(at: folder.path, options: options)
            let countAtOpen = disk.synchronizeDataCount
            let start = ContinuousClock.now
            for number in 0..<50 { try await database.set(bytes("\(number)"), []) }
            try await Task.sleep(for: .milliseconds(4 * intervalMilliseconds))
            let count = disk.synchronizeDataCount - countAtOpen
            let intervals = Int(
                (ContinuousClock.now - start) / .milliseconds(intervalMilliseconds))
            let expected =
                switch durability {
                case .always: 50...50
                case .interval: 1...(intervals + 1)
                case .never: 0...0
                }
            #expect(expected ~= count, "\(durability): \(count) syncs")
            try database.close()
        }
    }

    @Test(
        "opens with every acknowledged entry after a crash, and reports the progress of indexing"
    )
    func crash() async throws {
        let folder = TemporaryFolder()
        let log = LogLines()
        let database = try Database.open(in: folder)
        for number in 0..<200 { try await database.set(bytes("key \(number)"), bytes("\(number)")) }
        // The files as a killed process leaves them, without a close.
        let crashed = try folder.copy()
        let again = try Database.open(in: crashed, log: log)
        #expect(again.snapshot.root == database.snapshot.root)
        for number in 0..<200 {
            let entry = try #require(try again.snapshot.get(bytes("key \(number)")))
            #expect(entry.value == bytes("\(number)"))
        }
        #expect(log.all.contains { $0.contains("indexed the entries 0 to 199") })
    }

    @Test("refuses a damaged last frame after a crash if the tree file has its entry")
    func damagedLastFrame() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        for number in 0..<3 { try await database.set(bytes("key \(number)"), bytes("v")) }
        let crashed = try folder.copy()
        try database.close()
        // The head, then three frames of 48 + 16 + 6 + 32 bytes. This is the key of the last one.
        try crashed.flip("ledger/0000000000.segment", byte: 128 + 2 * 102 + 48 + 16 + 2)
        let error = #expect(throws: StoreError.self) { try Database.open(in: crashed) }
        #expect(error?.code == .corruption)
        #expect(error?.message.contains("0000000000.segment, byte 332, entry 2") == true)
        #expect(error?.message.contains("was ") == true)
    }
}
