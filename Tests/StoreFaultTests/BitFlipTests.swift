import ImmudbStore
import MerkleTree
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

/// One flipped bit anywhere gives the same data, or an error that names the place; never other
/// data.
@Suite(.serialized, .ownThread)
struct BitFlipTests {
    @Test("reports every flipped bit that matters with its place, and never returns it as data")
    func flips() async throws {
        let small = try SmallDatabase()
        #expect(18...32 ~= small.entries.count)
        #expect(small.disk.files.filter { $0.path.hasSuffix(".segment") }.count == 2)
        let outcomes = Outcomes()
        var flips: [Flip] = []
        for (path, byteCount) in small.usedBytes() {
            flips += (0..<byteCount).map { Flip(path: path, byte: $0, bit: ($0 * 5 + 3) % 8) }
        }
        outcomes.count("bytes in all", flips.count)
        let original = Original(small)
        try await onThreads(sample(flips, aiming: 500)) { flip in
            let disk = original.disk.copy()
            disk.flip(flip.path, byte: flip.byte, bit: flip.bit)
            let log = NewestLines()
            outcomes.check(
                "flip in \(flip.part)", "\(flip)\n\(log.all.joined(separator: "\n"))"
            ) {
                outcomes.count("\(flip.part): \(try original.read(disk, log))")
            }
        }
        outcomes.report("flips")
    }
}

private struct Flip: Sendable {
    var path: String
    var byte: Int
    var bit: Int

    /// The folder of the file, or its kind.
    var part: String {
        let names = path.split(separator: "/").dropFirst()
        guard let folder = names.first, let name = names.last else { return path }
        return folder == "index" ? "index, \(name.filter { !$0.isNumber })" : "\(folder)"
    }
}

/// The answers of the undamaged database.
private struct Original: Sendable {
    let disk: SimulatedDisk
    private let entries: [Entry]
    private let root: Digest
    private let newest: [[UInt8]: Entry]

    init(_ small: SmallDatabase) {
        disk = small.disk.copy()
        entries = small.entries
        var tree = MerkleAccumulator()
        for entry in entries { tree.append(entry.leaf) }
        root = tree.root
        newest = Dictionary(
            entries.filter { $0.kind != .sortedSetMember }.map { ($0.key, $0) }
        ) { $1 }
    }

    /// Opens the database and reads everything in every way.
    ///
    /// A flip in the ledger is repaired only in the frame that marks a clean close, or in the zeros
    /// after it: opening takes it for the torn end of a write, cuts it and says so. It contains no
    /// entry that could be lost.
    ///
    /// - Returns: the outcome.
    func read(_ disk: SimulatedDisk, _ log: NewestLines) throws -> String {
        var options = Database.Options()
        options.fileSystem = disk
        options.segmentByteCount = 4096
        options.indexCacheByteCount = 1 << 16
        options.log = log.sink
        let database: Database
        do throws(StoreError) {
            database = try Database.open(at: StoreSession.path, options: options)
        } catch {
            try requirePlace(error)
            return "opening refused"
        }
        defer { try? database.close() }
        let snapshot = database.snapshot
        guard snapshot.size == TreeSize(UInt64(entries.count)), snapshot.root == root else {
            throw BrokenPromise("the size is \(snapshot.size), or the root is another one")
        }
        var reports = 0
        func attempt(_ read: () throws -> Bool) throws {
            do {
                if try !whenThere(10, read) { throw BrokenPromise("other data is read") }
            } catch let error as StoreError {
                try requirePlace(error)
                reports += 1
            }
        }
        try attempt {
            try snapshot.entries(from: EntryIndex(0), limit: .max, byteLimit: .max) == entries
        }
        for entry in entries {
            try attempt { try snapshot.entry(at: entry.index) == entry }
            try attempt {
                try snapshot.proof(of: entry.index, since: TreeSize(1))
                    .verify(
                        entry,
                        since: TrustedRoot(
                            size: TreeSize(1), root: MerkleAccumulator(of: entries[0]).root))
                return true
            }
        }
        for (key, entry) in newest {
            try attempt { try snapshot.newest(key) == entry }
            let versions = entries.filter { $0.key == key && $0.kind != .sortedSetMember }
            try attempt { try snapshot.history(of: key) == versions.reversed() }
        }
        try attempt { try snapshot.scan(deep: true).count == newest.count }
        if reports > 0 { return "reads refused" }
        let warnings = log.all.contains { $0.hasPrefix("warning") || $0.hasPrefix("error") }
        return warnings ? "mended and logged" : "harmless"
    }

    /// Checks that a report names the file, or the entry.
    private func requirePlace(_ error: StoreError) throws {
        let codes: [StoreError.Code] = [
            .corruption, .tampered, .index, .incompatibleFormat, .foreignDatabase,
        ]
        guard codes.contains(error.code) else {
            throw BrokenPromise("reported as \(error.code): \(error)")
        }
        let text = "\(error)"
        guard text.contains("\(StoreSession.path)/") || text.contains("entry ") else {
            throw BrokenPromise("reported without a place: \(text)")
        }
    }
}

extension MerkleAccumulator {
    fileprivate init(of entry: Entry) {
        self.init()
        append(entry.leaf)
    }
}
