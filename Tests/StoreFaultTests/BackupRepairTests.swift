import HexEditor
import ImmudbBackup
import ImmudbStore
import MerkleTree
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

/// The repair of a database from backups: as from a copy of its folder, and nothing of them is trusted.
@Suite(.serialized, .ownThread)
struct BackupRepairTests {
    /// Makes a backup of the whole copy, and returns its path.
    private func backup(
        _ fixture: RepairFixture, since size: Int = 0, _ name: String = "backup"
    ) throws -> String {
        var options = Database.Options()
        options.fileSystem = fixture.disk
        options.segmentByteCount = 4096
        let database = try Database.open(at: RepairFixture.copy, options: options)
        var tree = MerkleAccumulator()
        for entry in fixture.entries.prefix(size) { tree.append(entry.leaf) }
        var request = BackupRequest()
        if size > 0 { request.since = TrustedRoot(size: tree.size, root: tree.root) }
        let backup = try database.backup(request)
        var bytes = backup.head.bytes
        while let part = try backup.nextPart() { bytes += part }
        try database.close()
        fixture.disk.replace("/\(name)", with: bytes)
        return "/\(name)"
    }

    @Test(
        "repairs each kind of damage, and proves what it takes",
        arguments: RepairFixture.Damage.allCases)
    func repairs(kind: RepairFixture.Damage) throws {
        let fixture = try RepairFixture()
        let path = try backup(fixture)
        try fixture.damage(kind)
        let report = try RepairFixture.repair(fixture.disk, from: .backups([path]))
        #expect(report.isRepaired, "\(kind): \(report.failures), \(report.after.problems)")
        #expect(!report.replacements.isEmpty)
        let proof: RepairReport.Proof = kind == .cutTail ? .leaves : .root
        #expect(report.replacements.allSatisfy { $0.proof == proof }, "\(report.replacements)")
        try RepairTests.expectWhole(fixture)
    }

    @Test(
        "uses each backup for what it holds, whatever their order, and another one where one is damaged"
    )
    func several() throws {
        let fixture = try RepairFixture()
        let (whole, late) = (try backup(fixture), try backup(fixture, since: 12, "late"))
        try fixture.editor.changeValue(of: 14)
        let damaged = fixture.disk.killed()

        // The later one has the entry, and the one that is damaged is passed over.
        fixture.disk.flip(whole, byte: 300, bit: 2)
        for paths in [[late], [late, whole], [whole, late]] {
            let disk = fixture.disk.killed()
            #expect(try RepairFixture.repair(disk, from: .backups(paths)).isRepaired, "\(paths)")
        }
        let report = try RepairFixture.repair(fixture.disk, from: .backups([whole]))
        #expect(!report.isRepaired && report.replacements.isEmpty)
        #expect(report.failures.first?.contains("has no whole entry") == true)

        // What lies before the later one is in the whole one only.
        let early = HexEditor(damaged)
        try early.changeValue(of: 2)
        #expect(try !RepairFixture.repair(damaged.killed(), from: .backups([late])).isRepaired)
        #expect(try RepairFixture.repair(damaged, from: .backups([late, whole])).isRepaired)
        try RepairTests.expectWhole(fixture, damaged)
    }

    @Test("does not take a changed entry of a backup, whatever its checksums say")
    func changed() throws {
        let fixture = try RepairFixture()
        let path = try backup(fixture)
        var reader = try BackupReader(path: path, fileSystem: fixture.disk)
        var bytes = reader.head.bytes
        var builder = ChunkBuilder(reader.head.identity)
        let trailer: BackupTrailer? = try {
            while let part = try reader.next() {
                switch part {
                case .trailer(let trailer): return trailer
                case .chunk(let chunk):
                    try chunk.forEachEntry { entry in
                        let isForged = entry.index == EntryIndex(4)
                        Array("forged".utf8).withUnsafeBytes { forged in
                            builder.add(
                                BackupEntry(
                                    index: entry.index, kind: entry.kind,
                                    isEndOfBatch: entry.isEndOfBatch,
                                    isFirstOfFrame: entry.isFirstOfFrame,
                                    timeMicroseconds: entry.timeMicroseconds, key: entry.key,
                                    value: isForged ? forged : entry.value))
                        }
                    }
                    bytes += builder.finish(root: chunk.root)
                }
            }
            return nil
        }()
        bytes += try #require(trailer).bytes(reader.head.identity)
        fixture.disk.replace(path, with: bytes)
        try fixture.editor.changeValue(of: 4)
        let before = fixture.disk.bytes(of: fixture.editor.segmentPath(0))
        let report = try RepairFixture.repair(fixture.disk, from: .backups([path]))
        #expect(!report.isRepaired && report.replacements.isEmpty)
        #expect(report.failures.first?.contains("no root that is left") == true)
        #expect(fixture.disk.bytes(of: fixture.editor.segmentPath(0)) == before)
    }

    @Test("refuses what is no backup, and backups of several databases")
    func refused() throws {
        let fixture = try RepairFixture()
        let path = try backup(fixture)
        try fixture.editor.changeValue(of: 4)
        fixture.disk.replace("/text", with: Array(repeating: 7, count: 5000))
        #expect(throws: StoreError(.incompatibleFormat, "")) {
            try RepairFixture.repair(fixture.disk, from: .backups([path, "/text"]))
        }
        #expect(throws: StoreError(.io, "")) {
            try RepairFixture.repair(fixture.disk, from: .backups(["/none"]))
        }
        let other = BackupHead(identity: .random(), name: "other", timeMicroseconds: 0)
        fixture.disk.replace("/other", with: other.bytes)
        #expect(throws: StoreError(.foreignDatabase, "")) {
            try RepairFixture.repair(fixture.disk, from: .backups([path, "/other"]))
        }
    }

    @Test("survives every flipped byte of a backup: repaired, or as it was")
    func flips() async throws {
        let fixture = try RepairFixture()
        let path = try backup(fixture)
        let trusted = VerifyTests.root(of: fixture.small)
        try fixture.editor.changeValue(of: 4)
        let damaged = fixture.disk.killed()
        let segment = fixture.editor.segmentPath(0)
        let byteCount = try #require(damaged.bytes(of: path)).count
        let outcomes = Outcomes()
        try await onThreads(sample(Array(0..<byteCount), aiming: 300)) { byte in
            let disk = damaged.killed()
            disk.flip(path, byte: byte, bit: byte % 8)
            outcomes.check("flip", "byte \(byte)") {
                let report: RepairReport
                do {
                    report = try RepairFixture.repair(disk, from: .backups([path]))
                } catch let error as StoreError {
                    guard [.incompatibleFormat, .corruption].contains(error.code) else {
                        throw error
                    }
                    return outcomes.count("refused")
                }
                if report.isRepaired {
                    guard report.after.root == trusted else { throw BrokenPromise("another root") }
                    return outcomes.count("repaired")
                }
                guard disk.bytes(of: segment) == damaged.bytes(of: segment) else {
                    throw BrokenPromise("changed, and not repaired")
                }
                outcomes.count("as it was")
            }
        }
        outcomes.report("repairs from damaged backups")
    }
}
