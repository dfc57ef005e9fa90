import ImmudbStore
import MerkleTree
import OwnThread
import TestTools
import Testing

/// Random calls of all kinds on a database and a model, with reopenings in between.
@Suite(.ownThread)
struct ModelTests {
    @Test(
        "matches a search through an array of all entries, at any snapshot",
        arguments: 1...8 as ClosedRange<UInt64>)
    func model(seed: UInt64) async throws {
        var session = try ModelSession(seed: seed)
        for _ in 0..<500 { try await session.step() }
        try session.close()
    }
}

/// A database, its model, and earlier snapshots.
private struct ModelSession {
    private let seed: UInt64
    private var random: SplitMix64
    private let folder = TemporaryFolder()
    private var database: Database
    private var model = DatabaseModel()
    private var snapshots: [Snapshot]
    private let keyCount: UInt64
    private let reopens: Bool

    private static let sets: [[UInt8]] = [
        [1], [1, 0xFF], [1, 0], bytes("set"), bytes("set"), [0xFF],
    ]
    private static let scores: [Double] = [
        0, -0.0, 1, -1, 0.5, -2.25, .infinity, -.infinity, 1e-300, -1e300,
    ]

    init(seed: UInt64) throws {
        self.seed = seed
        random = SplitMix64(seed: seed)
        database = try Database.open(in: folder)
        snapshots = [database.snapshot]
        // Some seeds write few keys often, others use no batches or reopenings.
        keyCount = [5, 40, 1000][Int(seed % 3)]
        reopens = seed % 4 != 0
    }

    func close() throws { try database.close() }

    mutating func step() async throws {
        switch draw(20) {
        case 0..<7: try await append()
        case 7: try await appendOne()
        case 8 where reopens:
            try database.close()
            database = try Database.open(in: folder)
            snapshots = [database.snapshot]
        case 9: snapshots.append(database.snapshot)
        default: try await read()
        }
        let snapshot = database.snapshot
        try #require(snapshot.size.rawValue == UInt64(model.entries.count), "seed \(seed)")
        try #require(snapshot.root == model.roots.last, "seed \(seed)")
    }

    // MARK: writing

    private mutating func append() async throws {
        let count = seed % 2 == 0 ? 1 : draw(6) + 1
        let batch = try (0..<count).map { _ in try newEntry() }
        let first = UInt64(model.entries.count)
        if model.append(batch) {
            let range = try await database.setBatch(batch)
            #expect(range.lowerBound.rawValue == first, "seed \(seed)")
        } else {
            await #expect(throws: StoreError(.keyNotFound, ""), "seed \(seed)") {
                try await database.setBatch(batch)
            }
        }
    }

    /// The verified calls.
    private mutating func appendOne() async throws {
        let entry = try newEntry()
        let since = TreeSize(UInt64(draw(model.entries.count + 1)))
        let root = model.roots[Int(since.rawValue)]
        let database = database
        func add() async throws(StoreError) -> ProvenEntry {
            switch entry.kind {
            case .value:
                return try await database.setProven(entry.key, entry.value, since: since)
            case .reference:
                return try await database.addReferenceProven(
                    entry.key, to: entry.value, since: since)
            case .sortedSetMember:
                guard let key = SortedSetKey(unstored: entry) else { preconditionFailure() }
                return try await database.addMemberProven(
                    key.member, to: key.set, score: key.score, since: since)
            }
        }
        if model.append([entry]) {
            let proven = try await add()
            #expect(proven.entry == model.entries.last, "seed \(seed)")
            try proven.proof.verify(proven.entry, since: TrustedRoot(size: since, root: root))
        } else {
            await #expect(throws: StoreError(.keyNotFound, ""), "seed \(seed)") {
                try await add()
            }
        }
    }

    private mutating func newEntry() throws -> NewEntry {
        let key = key()
        return switch draw(5) {
        case 0: .reference(key, to: self.key())
        case 1: try .member(key, of: set(), score: score())
        default: NewEntry(key: key, value: Array(repeating: UInt8(draw(256)), count: draw(300)))
        }
    }

    // MARK: reading

    private mutating func read() async throws {
        let snapshot = draw(2) == 0 ? database.snapshot : snapshots[draw(snapshots.count)]
        let size = Int(snapshot.size.rawValue)
        switch draw(6) {
        case 0:
            let key = key()
            #expect(try snapshot.get(key) == model.get(key, in: size), "seed \(seed)")
            #expect(try await database.get(key) == model.get(key, in: model.entries.count))
            let history = model.history(of: key, in: size)
            #expect(try snapshot.history(of: key) == history, "seed \(seed)")
            let page = try snapshot.history(of: key, limit: 2, before: history.first?.index)
            #expect(page == Array(history.dropFirst().prefix(2)), "seed \(seed)")
        case 1 where size > 0:
            let entry = model.entries[draw(size)]
            let since = draw(size + 1)
            #expect(try snapshot.entry(at: entry.index) == entry)
            let proof = try snapshot.proof(of: entry.index, since: TreeSize(UInt64(since)))
            try proof.verify(
                entry,
                since: TrustedRoot(size: TreeSize(UInt64(since)), root: model.roots[since]))
        case 2: try await readInOrder(snapshot, size)
        case 3: try await readMembers(snapshot, size)
        default: try await scan(snapshot, size)
        }
    }

    private mutating func scan(_ snapshot: Snapshot, _ size: Int) async throws {
        let prefix = draw(3) == 0 ? [] : Array(key().prefix(draw(4)))
        let offset: [UInt8]? = draw(2) == 0 ? nil : draw(3) == 0 ? key() + [0xFF] : key()
        let (reverse, deep) = (draw(2) == 0, draw(2) == 0)
        let (limit, byteLimit) = limits()
        let expected = model.scan(
            prefix: prefix, after: offset, reverse: reverse, deep: deep, in: size
        ).limited(to: limit, bytes: byteLimit)
        let found = try snapshot.scan(
            prefix: prefix, after: offset, limit: limit, reverse: reverse, deep: deep,
            byteLimit: byteLimit)
        #expect(found == expected, "seed \(seed), prefix \(prefix), after \(offset ?? [])")
        let count = model.keys(prefix: prefix, in: size).count
        #expect(try snapshot.count(prefix: prefix) == UInt64(count), "seed \(seed)")
        if size == model.entries.count {
            let again = try await database.scan(
                prefix: prefix, after: offset, limit: limit, reverse: reverse, deep: deep,
                byteLimit: byteLimit)
            #expect(again == expected, "seed \(seed)")
            #expect(try await database.count(prefix: prefix) == UInt64(count))
        }
    }

    private mutating func readMembers(_ snapshot: Snapshot, _ size: Int) async throws {
        let set = set()
        let offset =
            draw(2) == 0 ? nil : SortedSetKey(set: set, score: score(), member: key())
        let reverse = draw(2) == 0
        let (limit, byteLimit) = limits()
        let all = model.members(of: set, after: offset, reverse: reverse, in: size)
        let count = all.map(\.entry).limited(to: limit, bytes: byteLimit).count
        let found = try snapshot.members(
            of: set, after: offset?.bytes, limit: limit, reverse: reverse, byteLimit: byteLimit)
        #expect(found == Array(all.prefix(count)), "seed \(seed), set \(set)")
        if size == model.entries.count {
            let again = try await database.members(
                of: set, after: offset?.bytes, limit: limit, reverse: reverse,
                byteLimit: byteLimit)
            #expect(again == found, "seed \(seed), set \(set)")
        }
    }

    private mutating func readInOrder(_ snapshot: Snapshot, _ size: Int) async throws {
        let first = draw(size + 3)
        let (limit, byteLimit) = limits()
        let expected = Array(model.entries[..<size].dropFirst(first)).limited(
            to: limit, bytes: byteLimit)
        let found = try snapshot.entries(
            from: EntryIndex(UInt64(first)), limit: limit, byteLimit: byteLimit)
        #expect(found == expected, "seed \(seed)")
        var rest: [Entry] = []
        for try await entry in database.entries(from: EntryIndex(UInt64(first))) {
            rest.append(entry)
        }
        #expect(rest == Array(model.entries.dropFirst(first)), "seed \(seed)")
    }

    // MARK: drawing

    private mutating func draw(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

    /// Draws a key of any bytes. Some keys are prefixes of others, some end in FF.
    private mutating func key() -> [UInt8] {
        let number = random.next() % keyCount
        let start: [UInt8] = number % 3 == 0 ? [0xFF, 0xFF] : [1]
        return start + [0, 0xFF, 1, 0].prefix(Int(number % 5))
            + (number % 2 == 0 ? [] : bytes("\(number)"))
    }

    private mutating func set() -> [UInt8] { Self.sets[draw(Self.sets.count)] }

    private mutating func score() -> Double { Self.scores[draw(Self.scores.count)] }

    private mutating func limits() -> (Int, Int) {
        ([0, 1, 2, 7, .max, .max][draw(6)], [0, 100, 700, .max, .max][draw(5)])
    }
}

extension SortedSetKey {
    fileprivate init?(unstored entry: NewEntry) {
        self.init(
            entry: Entry(
                index: EntryIndex(0), kind: entry.kind, key: entry.key, value: entry.value))
    }
}
