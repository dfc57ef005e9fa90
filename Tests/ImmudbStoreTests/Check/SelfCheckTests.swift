import Foundation
import HexEditor
import MerkleTree
import OwnThread
import StorageIO
import TestTools
import Testing

@testable import ImmudbStore

/// The walk over all entries of an open database.
@Suite(.ownThread)
struct SelfCheckTests {
    private static let count = 2500
    private let folder = TemporaryFolder()

    private func editor() -> HexEditor<POSIXFileSystem> { HexEditor(folder.path) }

    @Test("goes through all entries at its rate, then rests until its next round")
    func round() async throws {
        try await Database.fill(folder, Self.count)
        let database = try Database.openInOneSegment(folder)
        let clock = TestClock()
        let check = database.check(lasting: .seconds(2), entriesPerSecond: 1000, clock: clock)
        #expect(check.progress.roundCount == 0)
        #expect(check.progress.roundProgress < 1)
        let again = database.check(lasting: .seconds(2), entriesPerSecond: 1000, clock: clock)
        #expect(again.progress.roundCount == 1)
        #expect(again.progress.lastRoundEndedAt != nil)
        let byItself = database.check(lasting: .seconds(3500), entriesPerSecond: nil)
        #expect(byItself.progress.roundCount == 2)
        // The round's last block is short, and may be done already: the order is random.
        #expect([2048, UInt64(Self.count)].contains(byItself.progress.entryCount))
        #expect(database.damage == nil)
        try database.close()
    }

    @Test("goes on where it was after a restart, and begins again if that is not known")
    func restart() async throws {
        try await Database.fill(folder, 3 * 1024)
        var database = try Database.openInOneSegment(folder)
        // A block takes one second.
        database.check(lasting: .seconds(1.5), entriesPerSecond: 1024)
        try database.close()
        database = try Database.openInOneSegment(folder)
        let rest = database.check(lasting: .seconds(1.5), entriesPerSecond: 1024)
        #expect(rest.progress.roundProgress == 2.0 / 3)
        try database.close()

        try folder.flip("check", byte: 30)
        let log = LogLines()
        database = try Database.openInOneSegment(folder, log: log)
        let first = database.check(lasting: .seconds(1.5), entriesPerSecond: 1024)
        #expect(first.progress.roundProgress == 1.0 / 3)
        #expect(log.all.contains { $0.contains("check is damaged, or of another database") })
        #expect(database.damage == nil)
        try database.close()
    }

    @Test("reports a rotten value by file, byte, entry and key, and finds it first after a restart")
    func rot() async throws {
        // An opening does not look at the first segment.
        try await Database.fill(folder, Self.count, isSplit: true)
        let log = LogLines()
        var database = try Database.open(in: folder, log: log)
        let record = try editor().record(of: 1234)
        try editor().changeValue(of: 1234, mending: .nothing)
        database.check(lasting: .seconds(10))
        let damage = try #require(database.damage)
        #expect(damage.first.error.code == .corruption)
        #expect(damage.first.entries == EntryIndex(1234)...EntryIndex(1234))
        #expect(damage.placeCount == 1)
        let line = try #require(log.all.first { $0.contains("damage found") })
        #expect(line.contains("0000000000.segment, byte \(record.range.lowerBound), entry 1234: "))
        #expect(line.contains("key as it is stored: \"key 1234\""))
        try database.close()

        database = try Database.open(in: folder)
        #expect(database.damage == nil)
        // Time for one block.
        database.check(lasting: .seconds(1.5), entriesPerSecond: 1024)
        #expect(database.damage?.first.entries.lowerBound == EntryIndex(1234))
        try database.close()
    }

    @Test(
        "calls a value that was changed with its checksums tampering, and names its entry and key",
        arguments: [Mending.record, .frame])
    func tampering(mending: Mending) async throws {
        try await Database.fill(folder, Self.count)
        let database = try Database.openInOneSegment(folder)
        try editor().changeValue(of: 2222, mending: mending)
        database.check(lasting: .seconds(10))
        let damage = try #require(database.damage).first
        #expect(damage.error.code == .tampered)
        #expect(damage.entries == EntryIndex(2222)...EntryIndex(2222))
        #expect(damage.error.message.contains("entry 2222, key \"key 222\""))
        try database.close()
    }

    @Test("finds a value that was changed with its checksums and its leaf, or all of the tree")
    func tamperedTree() async throws {
        for isWholeTree in [false, true] {
            let folder = TemporaryFolder()
            try await Database.fill(folder, Self.count)
            let editor = HexEditor(folder.path)
            let database = try Database.openInOneSegment(folder)
            try editor.changeValue(of: 700, mending: .frame)
            try isWholeTree ? editor.mendTree() : editor.mendLeaf(of: 700)
            database.check(lasting: .seconds(10))
            // The tree is written again from the ledger, whose frame does not have its root.
            try await eventually { database.damage != nil }
            let damage = try #require(database.damage).first
            #expect(damage.error.code == .tampered)
            #expect(damage.entries == EntryIndex(500)...EntryIndex(999))
            try database.close()
        }
    }

    @Test(
        "finds, once a proof fails, a value that was changed with all checksums, roots and digests"
    )
    func tamperedTreeAndRoots() async throws {
        try await Database.fill(folder, Self.count)
        let log = LogLines()
        let database = try Database.openInOneSegment(folder, log: log)
        let snapshot = database.snapshot
        try editor().changeValue(of: 700, mending: .frame)
        try editor().mendRoots()
        try editor().mendTree()
        #expect(throws: StoreError(.corruption, "")) {
            try snapshot.proof(of: EntryIndex(700), since: TreeSize(0))
        }
        try await eventually { database.damage != nil }
        let damage = try #require(database.damage).first
        #expect(damage.error.code == .tampered)
        let peak = try #require(
            snapshot.size.peaks.first { ($0.firstLeaf...$0.lastLeaf).contains(EntryIndex(700)) })
        #expect(damage.entries == peak.firstLeaf...peak.lastLeaf)
        #expect(!log.all.contains { $0.contains("tree is written again") })
        try database.close()
    }

    @Test("finds two entries that were swapped with all their checksums, and names both")
    func swapped() async throws {
        try await Database.fill(folder, 100)
        let database = try Database.openInOneSegment(folder)
        try editor().swapRecords(33, 66, mending: .frame)
        database.check(lasting: .seconds(1))
        #expect(database.damage?.placeCount == 2)
        #expect(database.storage.damage.isNoted(EntryIndex(33)...EntryIndex(33)))
        #expect(database.storage.damage.isNoted(EntryIndex(66)...EntryIndex(66)))
        #expect(database.damage?.first.isTampering == true)
        try database.close()
    }

    @Test("finds the entries that are missing when the ledger's end was cut off, and names each")
    func cut() async throws {
        try await Database.fill(folder, 100)
        let database = try Database.openInOneSegment(folder)
        try editor().cut(before: 90)
        database.check(lasting: .seconds(1))
        #expect(database.damage?.placeCount == 10)
        #expect(database.damage?.first.entries.lowerBound == EntryIndex(90))
        #expect(database.damage?.first.error.code == .corruption)
        try database.close()
    }

    @Test("has damaged digests and positions written again, which is no damage of entries")
    func damagedViews() async throws {
        try await Database.fill(folder, Self.count)
        let log = LogLines()
        let database = try Database.openInOneSegment(folder, log: log)
        try editor().flip(editor().digests, byte: editor().leafOffset(of: 1500) + 3)
        try editor().flip(editor().positions, byte: editor().positionOffset(of: 300))
        database.check(lasting: .seconds(10))
        try await eventually { log.all.contains { $0.contains("tree is written again") } }
        try await eventually { !database.storage.tree.isDamaged }
        for index in [300, 1500] as [UInt64] {
            let entry = try database.snapshot.entry(at: EntryIndex(index))
            try database.snapshot.proof(of: entry.index, since: TreeSize(0)).verify(
                entry, since: .empty)
        }
        #expect(database.damage == nil)
        try database.close()
    }

    @Test("has a key index that lacks an entry built again, and refuses reads by key meanwhile")
    func missingKey() async throws {
        try await Database.fill(folder, Self.count)
        // An index of another history with the same identity: one key differs.
        let fork = try folder.copy()
        for (place, key) in [(folder, "here"), (fork, "there")] {
            let database = try Database.openInOneSegment(place)
            try await database.set(bytes(key), bytes("value"))
            try database.close()
        }
        try folder.replace("index", by: fork)
        let log = LogLines()
        let database = try Database.openInOneSegment(folder, log: log)
        #expect(try await database.get(bytes("here")) == nil)
        database.check(lasting: .seconds(10))
        #expect(log.all.contains { $0.contains("does not find entry 2500, key \"here\"") })
        try await eventually { !database.storage.index.isBehind }
        #expect(try await database.get(bytes("here"))?.index == EntryIndex(2500))
        #expect(database.damage == nil)
        try database.close()
    }

    @Test("finds all kinds of entries in the key index, old versions and members of sets")
    func kinds() async throws {
        let database = try Database.openInOneSegment(folder)
        for version in 0..<3 { try await database.set(bytes("a"), bytes("\(version)")) }
        try await database.addReference(bytes("b"), to: bytes("a"))
        for score in [2.5, -1, 2.5, -0.0, 0] {
            try await database.addMember(bytes("a"), to: bytes("set"), score: score)
        }
        let check = database.check(lasting: .seconds(10))
        #expect(check.progress.roundCount > 0)
        #expect(!database.storage.index.isBehind)
        #expect(database.damage == nil)
        try database.close()
    }

    @Test("reads entries of any size in little memory")
    func largeEntry() async throws {
        let database = try Database.openInOneSegment(folder)
        try await database.set(bytes("large"), [UInt8](repeating: 7, count: 3_000_000))
        try await database.set(bytes("small"), [])
        #expect(database.check(lasting: .seconds(1)).progress.roundCount == 1)
        #expect(database.damage == nil)
        try editor().changeValue(of: 0, mending: .record)
        database.check(lasting: .seconds(2))
        #expect(database.damage?.first.isTampering == true)
        try database.close()
    }

    @Test("is reported by ordinary reads, too; a failing disk is no damage")
    func ordinaryReads() async throws {
        try await Database.fill(folder, 100)
        let database = try Database.openInOneSegment(folder)
        try editor().changeValue(of: 7, mending: .record)
        #expect(throws: StoreError(.tampered, "")) {
            try database.snapshot.entry(at: EntryIndex(7))
        }
        #expect(database.damage?.first.entries.lowerBound == EntryIndex(7))
        try editor().changeValue(of: 8, mending: .nothing)
        let error = #expect(throws: StoreError.self) {
            try database.snapshot.entry(at: EntryIndex(8))
        }
        #expect(error?.code == .corruption)
        #expect(error?.damagedEntry == EntryIndex(8))
        #expect(database.damage?.placeCount == 2)
        try database.close()
    }

    @Test("runs beside the database from its opening to its close, which does not wait for it")
    func closing() async throws {
        try await Database.fill(folder, Self.count)
        var options = Database.Options()
        options.selfCheck = Database.SelfCheckOptions(entriesPerSecond: 1)
        let database = try Database.open(at: folder.path, options: options)
        #expect(database.selfCheckProgress?.entryCount == 0)
        let began = ContinuousClock.now
        try database.close()
        // A slice of a block takes half a minute.
        #expect(ContinuousClock.now - began < .seconds(10))
    }

    private func eventually(_ condition: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while !condition() {
            try #require(ContinuousClock.now < end, "it does not come true")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
