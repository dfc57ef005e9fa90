import HexEditor
import ImmudbStore
import MerkleTree
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

/// The repair of a database from another copy: nothing is lost, nothing unproven gets in, and an interruption leaves
/// each segment as it was or as it should be.
@Suite(.serialized, .ownThread)
struct RepairTests {
    /// Opens the database, which makes its views again, and compares everything.
    static func expectWhole(_ fixture: RepairFixture, _ disk: SimulatedDisk? = nil) throws {
        let disk = disk ?? fixture.disk
        var options = Database.Options()
        options.fileSystem = disk
        options.segmentByteCount = 4096
        let database = try Database.open(at: StoreSession.path, options: options)
        let snapshot = database.snapshot
        #expect(snapshot.size.rawValue == UInt64(fixture.entries.count))
        #expect(snapshot.root == VerifyTests.root(of: fixture.small))
        #expect(
            try snapshot.entries(from: EntryIndex(0), limit: .max, byteLimit: .max)
                == fixture.entries)
        try database.close()
        let report = try VerifyTests.verify(disk)
        #expect(report.isWhole, "\(report.problems)")
    }

    @Test(
        "repairs each kind of damage, and proves what it takes",
        arguments: RepairFixture.Damage.allCases)
    func repairs(kind: RepairFixture.Damage) throws {
        let fixture = try RepairFixture()
        try fixture.damage(kind)
        let report = try RepairFixture.repair(fixture.disk)
        #expect(!report.before.isWhole)
        #expect(report.isRepaired, "\(kind): \(report.failures), \(report.after.problems)")
        #expect(!report.replacements.isEmpty)
        let proof: RepairReport.Proof = kind == .cutTail ? .leaves : .root
        #expect(report.replacements.allSatisfy { $0.proof == proof }, "\(report.replacements)")
        try Self.expectWhole(fixture)
    }

    @Test("takes only the frames that are damaged, and leaves all other bytes")
    func minimal() throws {
        let fixture = try RepairFixture()
        let before = fixture.disk.bytes(of: fixture.editor.segmentPath(0))
        try fixture.editor.changeValue(of: 4)
        let report = try RepairFixture.repair(fixture.disk)
        let frame = try fixture.editor.record(of: 4).frame
        #expect(
            report.replacements.map(\.entries) == [
                [frame.first..<frame.first + UInt64(frame.count)]
            ])
        let after = try #require(fixture.disk.bytes(of: fixture.editor.segmentPath(0)))
        #expect(after.count == before?.count)
        #expect(after[frame.range.upperBound...] == before?[frame.range.upperBound...])
        #expect(report.after.isWhole && report.discardedViews.isEmpty)
    }

    @Test(
        "does not discard a tree that states another history than a ledger whose roots were all changed"
    )
    func otherHistory() throws {
        let fixture = try RepairFixture()
        let editor = fixture.editor
        try editor.changeValue(of: 4, mending: .frame)
        try editor.mendRoots()
        let digests = fixture.disk.bytes(of: "\(StoreSession.path)/tree/digests")
        let report = try RepairFixture.repair(fixture.disk)
        #expect(!report.isRepaired && report.replacements.isEmpty)
        #expect(report.before.problems.contains { $0.kind == .otherHistory })
        #expect(fixture.disk.bytes(of: "\(StoreSession.path)/tree/digests") == digests)
    }

    @Test("uses a copy that is damaged itself, elsewhere, and says when it is at the same place")
    func damagedCopy() throws {
        let fixture = try RepairFixture()
        let copy = HexEditor(fixture.disk, path: RepairFixture.copy)
        try fixture.editor.changeValue(of: 4)
        try copy.changeValue(of: 20)
        #expect(try RepairFixture.repair(fixture.disk).isRepaired)
        try fixture.editor.changeValue(of: 20)
        let report = try RepairFixture.repair(fixture.disk)
        #expect(!report.isRepaired && report.replacements.isEmpty)
        #expect(report.failures.first?.contains("has no whole entry") == true)
    }

    @Test("does not take a changed entry of the copy, whatever its checksums say")
    func changedCopy() throws {
        let fixture = try RepairFixture()
        let copy = HexEditor(fixture.disk, path: RepairFixture.copy)
        let index: UInt64 = 4
        try copy.changeValue(of: index, mending: .frame)
        try fixture.editor.changeValue(of: index)
        let before = fixture.disk.bytes(of: fixture.editor.segmentPath(0))
        let report = try RepairFixture.repair(fixture.disk)
        #expect(!report.isRepaired && report.replacements.isEmpty)
        #expect(report.failures.first?.contains("no root that is left") == true)
        #expect(fixture.disk.bytes(of: fixture.editor.segmentPath(0)) == before)
        #expect(!fixture.disk.files.contains { $0.path.hasSuffix(".unfinished") })
    }

    @Test("takes entries of a database with another identity if they are proven, and no others")
    func otherIdentity() throws {
        let fixture = try RepairFixture()
        let twin = SimulatedDisk(seed: 3)
        var options = Database.Options()
        options.fileSystem = twin
        let database = try Database.open(at: "/db", options: options)
        for entry in fixture.entries {
            try database.append(
                waitingFor: [
                    NewEntry(kind: entry.kind ?? .value, key: entry.key, value: entry.value)
                ])
        }
        try database.close()
        for (file, _) in fixture.disk.files where file.hasPrefix("\(RepairFixture.copy)/") {
            try fixture.disk.removeFile(file)
        }
        try RepairFixture.copyFiles(from: twin, "/db", to: fixture.disk, RepairFixture.copy)
        try fixture.editor.changeValue(of: 4)
        #expect(try RepairFixture.repair(fixture.disk).isRepaired)
        try Self.expectWhole(fixture)

        let tail = try RepairFixture()
        for (file, _) in tail.disk.files where file.hasPrefix("\(RepairFixture.copy)/") {
            try tail.disk.removeFile(file)
        }
        try RepairFixture.copyFiles(from: twin, "/db", to: tail.disk, RepairFixture.copy)
        try tail.damage(.cutTail)
        let report = try RepairFixture.repair(tail.disk)
        #expect(report.failures.first?.contains("no root that is left") == true)
        let root = TrustedRoot(
            size: TreeSize(UInt64(tail.entries.count)), root: VerifyTests.root(of: tail.small))
        let proven = try RepairFixture.repair(tail.disk) { $0.expectedRoot = root }
        #expect(proven.isRepaired && proven.replacements.allSatisfy { $0.proof == .expectedRoot })
        try Self.expectWhole(tail)
    }

    @Test("makes views again without another copy, and asks for one if entries are damaged")
    func views() throws {
        let fixture = try RepairFixture()
        try fixture.editor.edit("\(StoreSession.path)/tree/digests") { $0[4100] ^= 1 }
        let report = try RepairFixture.repair(fixture.disk, from: nil)
        #expect(
            report.isRepaired
                && report.discardedViews == ["tree", "index"].map { "\(StoreSession.path)/\($0)" })
        // What the next start makes is no damage.
        var options = VerificationOptions()
        options.fileSystem = fixture.disk
        #expect(try Database.verify(at: StoreSession.path, options: options).isWhole)
        try Self.expectWhole(fixture)
        try fixture.editor.changeValue(of: 4)
        let asking = try RepairFixture.repair(fixture.disk, from: nil)
        #expect(!asking.isRepaired && asking.failures.first?.contains("--from") == true)
        let whole = try RepairFixture()
        #expect(try RepairFixture.repair(whole.disk).before.isWhole)
    }
}

extension Database {
    /// Appends, and waits for it.
    fileprivate func append(waitingFor entries: [NewEntry]) throws {
        try limited("append") {
            let answer = Answer()
            append(entries) { answer.give($0) }
            _ = try answer.wait().get()
        }
    }
}
