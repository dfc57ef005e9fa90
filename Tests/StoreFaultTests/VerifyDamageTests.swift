import HexEditor
import ImmudbStore
import MerkleTree
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

/// Damage and tampering of each kind: found, named by place, and one not called the other.
@Suite(.serialized, .ownThread)
struct VerifyDamageTests {
    private func report(
        root: TrustedRoot? = nil, stepCount: Int = 7,
        _ change: (HexEditor<SimulatedDisk>, SmallDatabase) throws -> Void
    ) throws -> VerificationReport {
        let small = try SmallDatabase(stepCount: stepCount)
        let editor = HexEditor(small.disk.copy())
        try change(editor, small)
        return try VerifyTests.verify(editor.disk) { $0.expectedRoot = root }
    }

    @Test("finds every flipped bit that matters, and names its file")
    func flips() async throws {
        let small = try SmallDatabase()
        let outcomes = Outcomes()
        var flips: [(path: String, byte: Int)] = []
        for (path, byteCount) in small.usedBytes() {
            // Of what nobody reads one byte in 97 suffices.
            flips += (0..<byteCount).filter {
                !Self.isUnused(path, $0, of: small.disk) || $0 % 97 == 0
            }.map { (path, $0) }
        }
        outcomes.count("bytes in all", flips.count)
        let original = small.disk.copy()
        let size = small.entries.count
        try await onThreads(sample(flips, aiming: 3000)) { path, byte in
            let disk = original.copy()
            disk.flip(path, byte: byte, bit: (byte * 5 + 3) % 8)
            outcomes.check("flip in \(path)", "byte \(byte)") {
                var options = VerificationOptions()
                options.fileSystem = disk
                let report = try Database.verify(at: StoreSession.path, options: options)
                let folder = path.split(separator: "/").dropFirst().first.map(String.init) ?? ""
                if report.isWhole, report.notes.isEmpty {
                    guard Self.isUnused(path, byte, of: disk) else {
                        throw BrokenPromise("not found: \(path), byte \(byte)")
                    }
                    outcomes.count("unused: \(folder)")
                    return
                }
                let lines = report.problems.map(\.description) + report.notes
                let place = folder == "index" ? "\(StoreSession.path)/index" : path
                guard lines.contains(where: { $0.contains(place) }) else {
                    throw BrokenPromise("found without its place: \(lines)")
                }
                if folder == "ledger" {
                    guard report.problems.allSatisfy({ [.checksum, .format].contains($0.kind) }),
                        report.size.rawValue == UInt64(size)
                    else { throw BrokenPromise("an accident is called something else: \(lines)") }
                }
                if folder == "tree" || folder == "index" {
                    guard report.problems.allSatisfy({ [.view, .foreign].contains($0.kind) }) else {
                        throw BrokenPromise("a damaged view is called something else: \(lines)")
                    }
                }
                outcomes.count("found: \(folder)")
            }
        }
        outcomes.report("flips found by a check")
    }

    /// Bytes that nobody reads: the owner in the lock file, the rest of heads, the files that RocksDB keeps for people,
    /// records at the end of its manifest that change nothing, and the padding in the last 53 bytes of its tables.
    private static func isUnused(_ path: String, _ byte: Int, of disk: SimulatedDisk) -> Bool {
        if path.hasSuffix("/LOCK") || path.contains("/index/OPTIONS-")
            || path.hasSuffix("/index/IDENTITY") || path.contains("/index/MANIFEST-")
        {
            return true
        }
        if path.hasSuffix(".sst") { return byte >= (disk.bytes(of: path)?.count ?? 0) - 53 }
        return path.contains("/tree/") && 48..<4096 ~= byte
    }

    @Test("names a changed value by its checksum, and the key that the index knows")
    func changedValue() throws {
        let report = try report { editor, _ in try editor.changeValue(of: 5) }
        let record = try #require(
            report.problems.first { $0.firstEntry == 5 && $0.entryCount == 1 })
        #expect(report.problems.allSatisfy { $0.kind == .checksum })
        #expect(record.file.hasSuffix("0000000000.segment"))
        let small = try SmallDatabase()
        #expect(try record.offset == UInt64(HexEditor(small.disk).record(of: 5).range.lowerBound))
        #expect(record.key == small.entries[5].key || small.entries[5].kind == .sortedSetMember)
    }

    @Test("names a value that was changed with its checksums as tampering", arguments: [2, 9])
    func changedWithChecksums(index: UInt64) throws {
        let report = try report { editor, _ in
            try editor.changeValue(of: index, mending: .frame)
        }
        let problem = try #require(report.problems.first)
        #expect(problem.kind == .digest && problem.firstEntry == index && problem.entryCount == 1)
        #expect(problem.key != nil)
        #expect(problem.what.contains("somebody changed it"))
        #expect(report.problems.allSatisfy { $0.kind != .checksum })
    }

    @Test("finds a value that was changed with checksums, leaf, nodes, and the root of its frame")
    func changedWithRoot() throws {
        let report = try report { editor, _ in
            try editor.changeValue(of: 2, mending: .frame)
            try editor.mendTree()
            let frame = try editor.record(of: 2).frame
            try editor.setRoot(try editor.root(after: frame), of: frame)
        }
        let problem = try #require(report.problems.first)
        #expect(problem.kind == .digest)
        #expect(problem.what.contains("the roots of these frames do not follow"))
        // One problem, not one for each frame.
        #expect(report.problems.filter { $0.file.contains("0000000000") }.count == 1)
    }

    @Test("finds a history that was changed with all roots only by a root from elsewhere")
    func changedWithAllRoots() throws {
        let small = try SmallDatabase()
        let trusted = TrustedRoot(size: TreeSize(5), root: try root(of: small, size: 5))
        func change(_ editor: HexEditor<SimulatedDisk>, _: SmallDatabase) throws {
            try editor.changeValue(of: 0, mending: .frame)
            try editor.mendTree()
            try editor.mendRoots()
        }
        let found = try report(root: trusted, change)
        #expect(found.problems.contains { $0.kind == .otherHistory })
        let intact = try VerifyTests.verify(small.disk) { $0.expectedRoot = trusted }
        #expect(intact.isWhole)
    }

    @Test("compares the root at every size, within frames, too")
    func expectedRoots() throws {
        let small = try SmallDatabase()
        for size in 0...small.entries.count {
            let root = TrustedRoot(
                size: TreeSize(UInt64(size)), root: try root(of: small, size: size))
            #expect(try VerifyTests.verify(small.disk) { $0.expectedRoot = root }.isWhole)
        }
    }

    private func root(of small: SmallDatabase, size: Int) throws -> Digest {
        var tree = MerkleAccumulator()
        for entry in small.entries.prefix(size) { tree.append(entry.leaf) }
        return tree.root
    }

    @Test("names a pair that changed places, with checksums and without")
    func swapped() throws {
        let session = StoreSession(SimulatedDisk(seed: 9))
        try session.open()
        try session.append(.values([20, 20, 20]))
        try session.append(.values([20, 20]))
        session.close()
        for corrects in [false, true] {
            let editor = HexEditor(session.disk.killed())
            // Those of one length, whatever their keys are.
            let ranges = try (0..<UInt64(5)).map { try editor.record(of: $0).range.count }
            let pair = try #require(
                (0..<UInt64(4)).first { ranges[Int($0)] == ranges[Int($0) + 1] })
            try editor.swapRecords(pair, pair + 1, mending: corrects ? .frame : .nothing)
            let report = try VerifyTests.verify(editor.disk)
            let named = report.problems.filter { $0.kind == (corrects ? .digest : .checksum) }
            for index in [pair, pair + 1] {
                #expect(
                    named.contains { problem in
                        guard let first = problem.firstEntry else { return false }
                        return first <= index && index < first + problem.entryCount
                    }, "\(report.problems)")
            }
        }
    }

    @Test("names what is missing: a cut tail, a segment in the middle, all segments")
    func missing() throws {
        let cut = try report { editor, _ in
            let frame = try #require(try editor.frames().last { $0.count > 0 })
            try editor.edit(editor.segmentPath(frame.segment)) {
                $0.removeSubrange(frame.range.lowerBound...)
            }
        }
        #expect(cut.problems.contains { $0.kind == .missing && $0.what.contains("was cut") })

        let gone = try report(stepCount: 16) { editor, _ in
            try editor.disk.removeFile(editor.segmentPath(1))
        }
        let problem = try #require(gone.problems.first)
        #expect(problem.kind == .missing && problem.file.hasSuffix("0000000001.segment"))
        #expect(problem.entryCount > 0)
        // The later ones are checked up to their last root.
        #expect(!gone.problems.contains { $0.kind == .digest }, "\(gone.problems)")

        let all = try report { editor, _ in
            for number in 0..<(try editor.segmentCount) {
                try editor.disk.removeFile(editor.segmentPath(number))
            }
        }
        #expect(all.problems.first?.kind == .missing)
    }

    @Test("names an older folder by a root from elsewhere")
    func older() throws {
        let small = try SmallDatabase()
        let later = TrustedRoot(size: TreeSize(1000), root: .emptyTree)
        let report = try report(root: later) { _, _ in }
        let problem = try #require(report.problems.first)
        #expect(problem.kind == .rolledBack)
        #expect(problem.firstEntry == UInt64(small.entries.count))
    }

    @Test("names a file of another database, and a missing view")
    func foreignAndMissing() throws {
        let other = try SmallDatabase(seed: 77)
        for name in ["index", "tree/digests", "tree/places", "ledger/0000000001"] {
            let report = try report { editor, _ in
                try SmallDatabase.replace(name, on: editor.disk, by: other.disk)
            }
            #expect(report.problems.contains { $0.kind == .foreign }, "\(name): \(report.problems)")
        }
        for name in ["index", "tree/digests", "tree/places", "index/CURRENT"] {
            let report = try report { editor, _ in
                for (file, _) in editor.disk.files
                where file.hasPrefix("\(StoreSession.path)/\(name)") {
                    try editor.disk.removeFile(file)
                }
            }
            #expect(report.problemCount == 1 && report.problems.first?.kind == .view, "\(name)")
        }
    }

    @Test("names both directions of a key index of another history of the same database")
    func indexOfAnotherHistory() throws {
        let small = try SmallDatabase()
        func fork(_ seed: UInt64) throws -> SimulatedDisk {
            let session = small.session.next(on: small.disk.killed())
            try session.open()
            for _ in 0..<seed { try session.append(.values([Int(30 * seed)])) }
            session.close()
            return session.disk
        }
        let (one, two) = (try fork(2), try fork(3))
        try SmallDatabase.replace("index", on: one, by: two)
        let report = try VerifyTests.verify(one)
        let first = UInt64(small.entries.count)
        #expect(report.problems.contains { $0.kind == .missing && $0.firstEntry == first + 2 })
        #expect(
            report.problems.contains {
                $0.kind == .view && $0.firstEntry == first && $0.key != nil
            })
        #expect(report.problems.allSatisfy { [.view, .missing].contains($0.kind) })
    }
}
