import Foundation
import ImmudbStore
import OwnThread
import StorageIO
import Synchronization
import TestTools
import Testing

/// Views that are repaired while the database is open.
@Suite(.ownThread)
struct UpkeepTests {
    private let folder = TemporaryFolder()
    private let disk = WatchedFileSystem()
    private let log = LogLines()

    private func open() throws -> Database {
        var options = Database.Options()
        options.segmentByteCount = 4096
        options.fileSystem = disk
        options.log = log.sink
        return try Database.open(at: folder.path, options: options)
    }

    /// Waits until `condition` holds. Records an issue if it does not within 20 seconds.
    ///
    /// - Throws: the error of `condition`.
    private func wait(for what: Comment, _ condition: () throws -> Bool) async throws {
        for _ in 0..<4000 {
            if try condition() { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record(what)
    }

    private func logs(_ text: String) -> Bool { log.all.contains { $0.contains(text) } }

    /// Flips a bit while the database is open.
    private static func flip(_ path: String, byte: Int) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: UInt64(byte))
        let old = try handle.read(upToCount: 1)?.first ?? 0
        try handle.seek(toOffset: UInt64(byte))
        try handle.write(contentsOf: [old ^ 0x10])
        try handle.close()
    }

    private func tables() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/index")
            .filter { $0.hasSuffix(".sst") }.sorted()
    }

    /// Damages the middle of the key index's files. Opening the index reads other parts.
    private func flipTables() throws {
        for name in try tables() {
            let byteCount = try folder.byteCount(of: "index/\(name)")
            guard byteCount > 100_000 else { continue }
            for byte in stride(from: byteCount / 4, to: byteCount / 2, by: 500) {
                try folder.flip("index/\(name)", byte: byte)
            }
        }
    }

    /// A batch whose keys' older versions are everywhere in the index.
    private static let keysFromEverywhere = (0..<40).map {
        NewEntry(key: bytes("key \($0)-500"), value: bytes("new"))
    }

    /// Returns the offset of a node's digest, by the node's number in order of completion.
    private static func offset(ofNode number: Int) -> Int { 4096 + 32 * number }

    private func proveAll(_ database: Database) throws {
        let snapshot = database.snapshot
        for index in 0..<snapshot.size.rawValue {
            let entry = try snapshot.entry(at: EntryIndex(index))
            try snapshot.proof(of: entry.index, since: TreeSize(0)).verify(entry, since: .empty)
        }
    }

    // MARK: closing

    /// Fills forty segments with a thousand entries each.
    private func fill() async throws {
        let database = try open()
        for batch in 0..<40 {
            try await database.setBatch(
                (0..<1_000).map { NewEntry(key: bytes("key \(batch)-\($0)"), value: []) })
        }
        try database.close()
    }

    @Test("stops a rebuild of the key index at closing, and the next opening continues it")
    func closeDuringRebuildOfIndex() async throws {
        try await fill()
        try flipTables()
        let database = try open()
        let reads = Counter()
        disk.watch(reads.countingSlowReads)
        // The damage is found when older versions are looked up.
        try await database.setBatch(Self.keysFromEverywhere)
        // By now the new index has some thousand entries.
        try await wait(for: "the index is not rebuilt") { reads.count >= 12 }
        let start = ContinuousClock.now
        try database.close()
        #expect(ContinuousClock.now - start < .seconds(3))
        disk.watch(nil)

        let again = try open()
        let line = try #require(log.all.last { $0.contains("indexed the entries") })
        #expect(!line.contains("indexed the entries 0 to"), "\(line)")
        #expect(again.snapshot.size == TreeSize(40_040))
        #expect(try await again.get(bytes("key 7-500"))?.value == bytes("new"))
        #expect(try await again.get(bytes("key 39-999"))?.index == EntryIndex(39_999))
        try again.close()
    }

    @Test("stops a rewrite of the tree at closing, and the next opening does it")
    func closeDuringRewriteOfTree() async throws {
        try await fill()
        try folder.flip("tree/digests", byte: Self.offset(ofNode: 0) + 5)
        let database = try open()
        let reads = Counter()
        disk.watch(reads.countingSlowReads)
        #expect(throws: StoreError(.corruption, "")) {
            try database.snapshot.proof(of: EntryIndex(1), since: TreeSize(0))
        }
        try await wait(for: "the tree is not rewritten") { reads.count >= 3 }
        let start = ContinuousClock.now
        try database.close()
        #expect(ContinuousClock.now - start < .seconds(3))
        disk.watch(nil)

        let again = try open()
        #expect(again.snapshot.root == database.snapshot.root)
        let entry = try again.snapshot.entry(at: EntryIndex(1))
        try again.snapshot.proof(of: EntryIndex(1), since: TreeSize(0))
            .verify(entry, since: .empty)
        try again.close()
    }

    // MARK: damage of the ledger beside a good index

    @Test("does not rebuild the key index for damage of the ledger that a read finds")
    func damagedLedger() async throws {
        try await fill()
        try folder.flip("ledger/0000000003.segment", byte: 300)
        for _ in 0..<2 {
            let database = try open()
            for number in 0..<1000 {
                do throws(StoreError) {
                    _ = try database.snapshot.get(bytes("key 3-\(number)"))
                } catch {
                    #expect(error.code == .corruption)
                    #expect(error.message.contains("0000000003.segment"))
                }
            }
            #expect(throws: StoreError(.corruption, "")) { try database.snapshot.scan() }
            #expect(try await database.get(bytes("key 39-999"))?.index == EntryIndex(39_999))
            try database.close()
        }
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/index.damaged"))
        #expect(!logs("rebuilt") && !logs("That is done now"))
    }

    @Test("does not remove the key index for damage of the ledger that keeps it behind")
    func damagedLedgerBehindIndex() async throws {
        try await fill()
        let database = try open()
        try await database.set(bytes("key 0-0"), bytes("new"))
        try Self.flip("\(folder.path)/ledger/0000000040.segment", byte: 200)
        let before = try tables()
        let (openings, healings) = (Counter(), Counter())
        disk.watch { kind, path throws(StoreError) in
            guard kind == .read, path.contains("/index/") else { return }
            if path.hasSuffix("/CURRENT") { openings.add() }
            if healings.count == 0, path.hasSuffix(".sst") {
                throw StoreError(.io, "cannot read the test's disk")
            }
        }
        // The look-up of older versions fails, so the new entries cannot be applied again.
        try await database.setBatch(Self.keysFromEverywhere)
        healings.add()
        let count = openings.count
        try await wait(for: "the index is not opened again") { openings.count >= count + 6 }
        #expect(throws: StoreError(.indexBehind, "")) {
            try database.snapshot.get(bytes("key 1-1"))
        }
        #expect(try database.snapshot.entry(at: EntryIndex(40_001)).value == bytes("new"))
        try database.close()
        #expect(!before.isEmpty)
        let after = try tables()
        #expect(Set(before).isSubset(of: after))
    }

    @Test(
        "retries a failing key index after pauses, however many writes there are")
    func pausesUnderWrites() async throws {
        try await fill()
        let database = try open()
        let (openings, failures) = (Counter(), Counter())
        disk.watch { kind, path throws(StoreError) in
            guard kind == .read, path.contains("/index/") else { return }
            if path.hasSuffix("/CURRENT") {
                openings.add()
                throw StoreError(.io, "cannot read the test's disk")
            }
            if failures.count == 0, path.hasSuffix(".sst") {
                throw StoreError(.io, "cannot read the test's disk")
            }
        }
        try await database.setBatch(Self.keysFromEverywhere)
        failures.add()
        #expect(throws: StoreError(.indexBehind, "")) {
            try database.snapshot.get(bytes("key 1-1"))
        }
        let start = ContinuousClock.now
        for number in 0..<200 { try await database.set(bytes("\(number)"), bytes("new")) }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        // Attempts follow at once, by the failed write and by the upkeep, then after 0.2 s, 0.4 s
        // and so on.
        #expect(Double(openings.count) <= 3 + seconds / 0.2)
        disk.watch(nil)
        try await wait(for: "the index is not back") {
            (try? database.snapshot.get(bytes("199"))) != nil
        }
        try database.close()
    }

    // MARK: the tree

    @Test("makes no wrong proof with a damaged digest from which a rewrite begins")
    func rewriteFromDamagedPeak() async throws {
        var database = try open()
        try await database.setBatch((0..<40).map { NewEntry(key: bytes("\($0)"), value: []) })
        try database.close()
        database = try open()
        // A rewrite begins at the peak over the entries 0 to 31, the 63rd digest.
        let digests = "\(folder.path)/tree/digests"
        try Self.flip(digests, byte: Self.offset(ofNode: 62))
        let (writes, scans) = (Counter(), Counter())
        disk.watch { kind, path throws(StoreError) in
            switch kind {
            // Makes the mark move, which fails, so that the files are written again.
            case .write where path == digests && writes.add() == 1:
                throw StoreError(.io, "cannot write to the test's disk")
            case .synchronize where path == digests:
                throw StoreError(.io, "cannot sync the test's disk")
            // The rewrite from the damaged peak is not followed by a rewrite from the beginning.
            case .read where path.hasSuffix(".segment") && scans.add() > 1:
                throw StoreError(.io, "cannot read the test's disk")
            default: break
            }
        }
        try await database.setBatch((40..<140).map { NewEntry(key: bytes("\($0)"), value: []) })
        try await wait(for: "the tree is not rewritten") { scans.count > 1 }
        let snapshot = database.snapshot
        for index in (64..<140).map({ EntryIndex($0) }) {
            let leaf = try snapshot.leaf(at: index)
            let proof = try snapshot.inclusionProof(of: index)
            #expect(throws: Never.self) { try proof.verify(leaf: leaf, root: snapshot.root) }
        }
        disk.watch(nil)
        try await wait(for: "the tree is not written again") { logs("is written again, 140") }
        try proveAll(database)
        try database.close()
    }

    @Test("repairs damage that is found while the tree is written again, too")
    func damageDuringRewrite() async throws {
        var database = try open()
        for batch in 0..<3 {
            try await database.setBatch(
                (0..<100).map { NewEntry(key: bytes("\(batch)-\($0)"), value: []) })
        }
        try database.close()
        try folder.flip("tree/digests", byte: Self.offset(ofNode: 0) + 5)
        database = try open()
        let snapshot = database.snapshot
        let digests = "\(folder.path)/tree/digests"
        let (syncs, reports) = (Counter(), Counter())
        disk.watch { kind, path throws(StoreError) in
            // Everything is written, and the tree is about to be declared correct.
            guard kind == .synchronize, path == digests, syncs.add() == 1 else { return }
            try? Self.flip(digests, byte: Self.offset(ofNode: 3) + 5)
            do throws(StoreError) {
                _ = try snapshot.proof(of: EntryIndex(3), since: TreeSize(0))
            } catch {
                if error.code == .corruption { reports.add() }
            }
        }
        #expect(throws: StoreError(.corruption, "")) {
            try snapshot.proof(of: EntryIndex(0), since: TreeSize(0))
        }
        try await wait(for: "the second damage is not found") { reports.count == 1 }
        // Nothing is read meanwhile: a read would report the second damage again.
        try await wait(for: "the tree is not written again a second time") {
            log.all.count { $0.contains("is written again, 300") } == 2
        }
        try proveAll(database)
        try database.close()
        database = try open()
        try proveAll(database)
        try database.close()
    }
}

/// A counter for any thread.
private final class Counter: Sendable {
    private let value = Atomic(0)

    var count: Int { value.load(ordering: .acquiring) }

    @discardableResult
    func add() -> Int { value.add(1, ordering: .acquiringAndReleasing).newValue }

    /// Delays each read of the ledger by a fifth of a second, as if it were large, and counts it.
    var countingSlowReads: WatchedFileSystem.Hook {
        { kind, path in
            guard kind == .read, path.hasSuffix(".segment") else { return }
            self.add()
            usleep(200_000)
        }
    }
}
