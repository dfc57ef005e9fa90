import HexEditor
import MerkleTree
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

@testable import ImmudbStore

/// The repair of ledgers that prove nothing themselves: of which no segment is left, or all of whose roots were changed.
@Suite(.serialized, .ownThread)
struct RebuildTests {
    private func root(of fixture: RepairFixture, size: Int? = nil) -> TrustedRoot {
        var tree = MerkleAccumulator()
        for entry in fixture.entries.prefix(size ?? .max) { tree.append(entry.leaf) }
        return TrustedRoot(size: tree.size, root: tree.root)
    }

    private func removeSegments(_ fixture: RepairFixture) throws {
        for number in 0..<(try fixture.editor.segmentCount) {
            try fixture.disk.removeFile(fixture.editor.segmentPath(number))
        }
    }

    private func removeTree(_ fixture: RepairFixture) throws {
        for (file, _) in fixture.disk.files where file.hasPrefix("\(StoreSession.path)/tree/") {
            try fixture.disk.removeFile(file)
        }
    }

    /// Changes an entry and every root, as somebody would who wants the ledger to be consistent in itself.
    private func forge(_ fixture: RepairFixture) throws {
        let editor = fixture.editor
        try editor.changeValue(of: 4, mending: .frame)
        try editor.mendRoots()
    }

    private func ledger(_ fixture: RepairFixture) -> [String: [UInt8]] {
        Dictionary(
            uniqueKeysWithValues: fixture.disk.files
                .filter { $0.path.hasPrefix("\(StoreSession.path)/ledger/") }
                .map { ($0.path, fixture.disk.bytes(of: $0.path) ?? []) })
    }

    // MARK: no segment is left

    @Test("makes all segments again, proven by the leaves in the tree file")
    func leaves() throws {
        let fixture = try RepairFixture()
        try removeSegments(fixture)
        let report = try RepairFixture.repair(fixture.disk) { $0.segmentByteCount = 4096 }
        #expect(report.isRepaired, "\(report.failures)")
        #expect(report.replacements.count > 1)
        #expect(report.replacements.allSatisfy { $0.proof == .leaves && $0.entryCount > 0 })
        try RepairTests.expectWhole(fixture)
    }

    @Test(
        "makes all segments again, proven by a root that is given, and asks for one if nothing else does"
    )
    func expectedRoot() throws {
        let fixture = try RepairFixture()
        try removeSegments(fixture)
        try removeTree(fixture)
        let asking = try RepairFixture.repair(fixture.disk)
        #expect(!asking.isRepaired && asking.failures.first?.contains("--root") == true)
        let wrong = TrustedRoot(size: root(of: fixture).size, root: .emptyTree)
        let refusing = try RepairFixture.repair(fixture.disk) { $0.expectedRoot = wrong }
        #expect(refusing.failures.first?.contains("and not the expected") == true)
        #expect(ledger(fixture).isEmpty)
        let report = try RepairFixture.repair(fixture.disk) {
            $0.expectedRoot = root(of: fixture)
        }
        #expect(report.isRepaired, "\(report.failures)")
        #expect(report.replacements.map(\.proof) == [.expectedRoot])
        try RepairTests.expectWhole(fixture)
    }

    @Test(
        "changes nothing if the copy ends earlier than the tree shows, and says what is left to do")
    func shortCopy() throws {
        let fixture = try RepairFixture()
        try removeSegments(fixture)
        let copy = HexEditor(fixture.disk, path: RepairFixture.copy)
        let last = try #require(try copy.frames().last { $0.count > 0 })
        try copy.edit(copy.segmentPath(last.segment)) {
            $0.removeSubrange(last.range.lowerBound...)
        }
        let report = try RepairFixture.repair(fixture.disk)
        #expect(report.failures.first?.contains("no whole entry \(last.first)") == true)
        #expect(report.failures.first?.contains("use this one in place of the folder") == true)
        #expect(ledger(fixture).isEmpty)
    }

    @Test("does not take a changed entry of the copy")
    func changedCopy() throws {
        let fixture = try RepairFixture()
        try removeSegments(fixture)
        let copy = HexEditor(fixture.disk, path: RepairFixture.copy)
        try copy.changeValue(of: 4, mending: .frame)
        let report = try RepairFixture.repair(fixture.disk)
        #expect(report.failures.first?.contains("another entry 4 than the tree") == true)
        #expect(ledger(fixture).isEmpty)
    }

    @Test("gives each of several missing segments a part of what is missing")
    func neighbours() throws {
        let fixture = try RepairFixture()
        #expect(try fixture.editor.segmentCount >= 3)
        for number in 0..<2 { try fixture.disk.removeFile(fixture.editor.segmentPath(number)) }
        let report = try RepairFixture.repair(fixture.disk) { $0.segmentByteCount = 1024 }
        #expect(report.isRepaired, "\(report.failures)")
        #expect(report.replacements.count == 2)
        #expect(report.replacements.allSatisfy { $0.proof == .root && $0.entryCount > 0 })
        try RepairTests.expectWhole(fixture)
    }

    // MARK: all roots were changed

    @Test("heals a ledger all of whose roots were changed if a root proves the tree's history")
    func forged() throws {
        let fixture = try RepairFixture()
        try forge(fixture)
        // The copy does not have the last entries, which are good.
        let copy = HexEditor(fixture.disk, path: RepairFixture.copy)
        let last = try #require(try copy.frames().last { $0.count > 0 })
        try copy.edit(copy.segmentPath(last.segment)) {
            $0.removeSubrange(last.range.lowerBound...)
        }
        let report = try RepairFixture.repair(fixture.disk) {
            $0.expectedRoot = root(of: fixture, size: 9)
        }
        #expect(report.isRepaired, "\(report.failures)")
        #expect(report.replacements.allSatisfy { $0.proof == .expectedRoot })
        let taken = report.replacements.flatMap(\.entries)
        #expect(taken.count == 1 && taken[0].contains(4))
        try RepairTests.expectWhole(fixture)
    }

    @Test("leaves both histories as they are if the root does not cover the entries that differ")
    func uncovered() throws {
        let fixture = try RepairFixture()
        try forge(fixture)
        let before = ledger(fixture)
        let tree = fixture.disk.bytes(of: "\(StoreSession.path)/tree/digests")
        for size in [1, 4] {
            let report = try RepairFixture.repair(fixture.disk) {
                $0.expectedRoot = root(of: fixture, size: size)
            }
            #expect(!report.isRepaired && report.replacements.isEmpty)
            #expect(report.failures.first?.contains("--root") == true)
        }
        #expect(ledger(fixture) == before)
        #expect(fixture.disk.bytes(of: "\(StoreSession.path)/tree/digests") == tree)
    }

    // MARK: interruptions

    enum Loss: CaseIterable { case segments, roots }

    @Test("ends the work the next time if it is interrupted", arguments: Loss.allCases)
    func interrupted(loss: Loss) async throws {
        let fixture = try RepairFixture()
        switch loss {
        case .segments: try removeSegments(fixture)
        case .roots: try forge(fixture)
        }
        let trusted = root(of: fixture)
        let damaged = fixture.disk.killed()
        @Sendable func repair(_ disk: SimulatedDisk) throws -> RepairReport {
            try RepairFixture.repair(disk) {
                $0.expectedRoot = trusted
                $0.segmentByteCount = 2048
            }
        }
        let whole = damaged.killed()
        let start = whole.callCount
        #expect(try repair(whole).isRepaired)
        let calls = Array(1...(whole.callCount - start))
        let outcomes = Outcomes()
        try await onThreads(sample(calls, aiming: 120)) { number in
            let disk = damaged.killed()
            disk.stop(afterCall: number)
            _ = try? repair(disk)
            for policy in [nil, CrashPolicy.losingUnsynchronized, .keepingUnsynchronized] {
                outcomes.check("\(loss)", "after call \(number), \(String(describing: policy))") {
                    let next = policy.map(disk.crashed) ?? disk.killed()
                    let report = try repair(next)
                    guard report.isRepaired else {
                        throw BrokenPromise("\(report.failures), \(report.after.problems)")
                    }
                    guard report.after.root == trusted.root else {
                        throw BrokenPromise("another root")
                    }
                }
            }
        }
        outcomes.report("interrupted repairs of \(loss)")
    }
}
