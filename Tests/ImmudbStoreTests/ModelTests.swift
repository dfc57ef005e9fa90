import ImmudbStore
import MerkleTree
import Testing

/// Random operations against an array of all entries, with reopenings in between.
struct ModelTests {
    @Test(
        "the database does what an array of entries does", arguments: 1...4 as ClosedRange<UInt64>)
    func model(seed: UInt64) async throws {
        var random = SplitMix64(state: seed)
        let folder = TemporaryFolder()
        var database = try Database.open(in: folder)
        var model: [Entry] = []
        var tree = MerkleAccumulator()
        var roots = [Digest.emptyTree]
        // Some seeds write few keys often, some do without batches or reopenings.
        let keyCount = UInt64([3, 40, 1000][Int(seed % 3)])
        let reopens = seed % 4 != 0
        for _ in 0..<400 {
            let key = Self.key(random.next() % keyCount)
            switch random.next() % 10 {
            case 0..<5:
                let count = seed % 2 == 0 ? 1 : Int(random.next() % 5) + 1
                let batch = (0..<count).map { _ in
                    NewEntry(
                        key: Self.key(random.next() % keyCount),
                        value: [UInt8](
                            repeating: UInt8(truncatingIfNeeded: random.next()),
                            count: Int(random.next() % 300)))
                }
                let range = try await database.setBatch(batch)
                #expect(range.lowerBound.rawValue == UInt64(model.count), "seed \(seed)")
                for entry in batch {
                    let entry = Entry(
                        index: EntryIndex(UInt64(model.count)), key: entry.key, value: entry.value)
                    model.append(entry)
                    tree.append(entry.leaf)
                    roots.append(tree.root)
                }
            case 5: #expect(try await database.get(key) == model.last { $0.key == key })
            case 6:
                let history = model.reversed().filter { $0.key == key }
                #expect(try await database.history(of: key) == history)
                let page = try await database.history(
                    of: key, limit: 2, before: history.dropFirst().first?.index)
                #expect(
                    page
                        == Array(
                            history.count > 1 ? history.dropFirst(2).prefix(2) : history.prefix(2)))
            case 7 where !model.isEmpty:
                let entry = model[Int(random.next() % UInt64(model.count))]
                let since = TreeSize(random.next() % UInt64(model.count + 1))
                #expect(try await database.entry(at: entry.index) == entry)
                let proof = try database.snapshot.proof(of: entry.index, since: since)
                try proof.verify(
                    entry, trustedRoot: since.isEmpty ? nil : roots[Int(since.rawValue)])
            case 8 where reopens:
                try database.close()
                database = try Database.open(in: folder)
            default: break
            }
            #expect(database.snapshot.root == tree.root, "seed \(seed)")
        }
    }

    /// Keys of any bytes, some the beginning of others.
    private static func key(_ number: UInt64) -> [UInt8] {
        [1] + [0, 0xFF, 1, 0].prefix(Int(number % 5)) + bytes(number % 2 == 0 ? "" : "\(number)")
    }
}

/// Vigna's SplitMix64: the same numbers for the same seed, everywhere.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
