import ImmudbStore
import OwnThread
import Synchronization
import TestTools
import Testing

@Suite(.ownThread)
struct ScanTests {
    private func opened(_ folder: TemporaryFolder, keys: [[UInt8]]) async throws -> Database {
        let database = try Database.open(in: folder)
        try await database.setBatch(keys.map { NewEntry(key: $0, value: bytes("v")) })
        return database
    }

    /// Keys of any bytes in order. None of them begins with 00.
    private static let keys: [[UInt8]] = [
        [1], [1, 0], [1, 0, 0], [1, 1], [1, 255], [1, 255, 0], [1, 255, 255], [2], [97],
        [97, 255], [97, 255, 255, 1], [98], [254], [254, 255, 255], [255], [255, 0], [255, 255],
        [255, 255, 0], [255, 255, 255, 7],
    ]

    @Test("D14: returns backwards the forward scan from its end, also after bytes of FF")
    func reverse() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder, keys: Self.keys.shuffled())
        let prefixes: [[UInt8]] = [
            [], [1], [1, 0], [1, 255], [97], [97, 255], [255], [255, 255], [255, 255, 255],
            [255, 255, 255, 255], [3], [254, 255],
        ]
        for prefix in prefixes {
            let expected = Self.keys.filter { $0.starts(with: prefix) }
            #expect(try await database.scan(prefix: prefix).map(\.key) == expected)
            let backwards = try await database.scan(prefix: prefix, reverse: true)
            #expect(backwards.map(\.key) == expected.reversed(), "\(prefix)")
            #expect(try await database.count(prefix: prefix) == UInt64(expected.count))
        }
    }

    @Test("D9: continues strictly after the offset, which need not exist nor have the prefix")
    func offsets() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder, keys: Self.keys.shuffled())
        let snapshot = database.snapshot
        let offsets: [[UInt8]] =
            Self.keys + [[1, 0, 7], [96], [97, 255, 255], [255, 255, 255, 255]]
        for prefix in [[], [1], [1, 255], [97], [255], [255, 255]] as [[UInt8]] {
            for offset in offsets {
                let expected = Self.keys.filter { $0.starts(with: prefix) }
                let after = expected.filter { offset.lexicographicallyPrecedes($0) }
                let before = expected.filter { $0.lexicographicallyPrecedes(offset) }
                let forwards = try snapshot.scan(prefix: prefix, after: offset)
                #expect(forwards.map(\.key) == after, "\(prefix) \(offset)")
                let backwards = try snapshot.scan(prefix: prefix, after: offset, reverse: true)
                #expect(backwards.map(\.key) == before.reversed(), "\(prefix) \(offset)")
            }
        }
        for reverse in [false, true] {
            var all: [[UInt8]] = []
            while let last = try await database.scan(
                after: all.last, limit: 1, reverse: reverse
            ).last {
                all.append(last.key)
            }
            #expect(all == (reverse ? Self.keys.reversed() : Self.keys))
        }
        #expect(try await database.scan(after: [], limit: 1).map(\.key) == [[1]])
        let last = try await database.scan(after: [], limit: 1, reverse: true)
        #expect(last.map(\.key) == [[255, 255, 255, 7]])
    }

    @Test("refuses prefixes and offsets that no key can have")
    func badInput() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder, keys: [[1]])
        for bad in [[0], [0, 1]] as [[UInt8]] {
            let prefix = await #expect(throws: StoreError(.invalidPrefix, "")) {
                try await database.scan(prefix: bad, after: bad)
            }
            #expect(prefix?.code == .invalidPrefix)
            let offset = await #expect(throws: StoreError(.invalidOffset, "")) {
                try await database.scan(after: bad)
            }
            #expect(offset?.code == .invalidOffset)
            await #expect(throws: StoreError(.invalidPrefix, "")) {
                try await database.count(prefix: bad)
            }
        }
    }

    @Test(
        "leaves out references, which do not count, or returns their targets' entries if deep")
    func deep() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.setBatch([
            NewEntry(key: bytes("k1"), value: bytes("1")),
            .reference(bytes("k0"), to: bytes("k1")), .reference(bytes("k2"), to: bytes("k0")),
            NewEntry(key: bytes("k3"), value: bytes("3")),
            .reference(bytes("k4"), to: bytes("k3")),
            NewEntry(key: bytes("k3"), value: bytes("new")),
            try .member(bytes("k1"), of: bytes("k"), score: 1),
        ])
        func indexes(_ entries: [Entry]) -> [UInt64] { entries.map(\.index.rawValue) }
        #expect(try await indexes(database.scan(prefix: bytes("k"))) == [0, 5])
        #expect(try await indexes(database.scan(prefix: bytes("k"), limit: 2)) == [0, 5])
        #expect(
            try await indexes(database.scan(prefix: bytes("k"), deep: true)) == [0, 0, 1, 5, 5])
        #expect(try await indexes(database.scan(limit: 3, reverse: true, deep: true)) == [5, 5, 1])
        #expect(try await indexes(database.scan(after: bytes("k2"), deep: true)) == [5, 5])
        #expect(try await database.count(prefix: bytes("k")) == 5)
        // A key that became a reference, and a reference that became a key.
        let before = database.snapshot
        try await database.addReference(bytes("k1"), to: bytes("k3"))
        try await database.set(bytes("k0"), bytes("0"))
        #expect(try await indexes(database.scan()) == [8, 5])
        #expect(try await indexes(database.scan(deep: true)) == [8, 5, 8, 5, 5])
        #expect(try indexes(before.scan()) == [0, 5])
        #expect(try indexes(before.scan(deep: true)) == [0, 0, 1, 5, 5])
    }

    @Test("ends early at limits of entries and of bytes, but always returns the first entry")
    func limits() async throws {
        let folder = TemporaryFolder()
        let keys = (0..<50).map { bytes("key \($0 + 10)") }
        let database = try await opened(folder, keys: keys)
        let each = 6 + 1
        for (limit, byteLimit, count) in [
            (0, .max, 0), (-1, .max, 0), (7, .max, 7), (.max, 0, 1), (.max, .min, 1),
            (.max, 3 * each, 3), (.max, 3 * each - 1, 2), (2, 3 * each, 2), (.max, .max, 50),
        ] {
            let entries = try await database.scan(limit: limit, byteLimit: byteLimit)
            #expect(entries.map(\.key) == Array(keys.prefix(count)), "\(limit), \(byteLimit)")
            let inOrder = try await database.entries(
                from: EntryIndex(0), limit: limit, byteLimit: byteLimit)
            #expect(inOrder.map(\.key) == Array(keys.prefix(count)), "\(limit), \(byteLimit)")
        }
    }

    @Test("shows and counts each of two snapshots, before and after writes")
    func snapshots() async throws {
        let folder = TemporaryFolder()
        let count = 3000
        let keys = (0..<count).map { bytes("\($0 + 10_000)") }
        let database = try await opened(folder, keys: keys)
        let before = database.snapshot
        // All keys again, and as many new ones between them.
        for _ in 0..<2 {
            try await database.setBatch(
                keys.flatMap {
                    [NewEntry(key: $0, value: bytes("w")), NewEntry(key: $0 + [1], value: [])]
                })
        }
        let after = database.snapshot
        for reverse in [false, true] {
            let old = try before.scan(reverse: reverse)
            #expect(old.map(\.key) == (reverse ? keys.reversed() : keys))
            #expect(old.allSatisfy { $0.value == bytes("v") })
            let new = try after.scan(reverse: reverse)
            #expect(new.count == 2 * count)
            #expect(new.count { $0.value == bytes("w") } == count)
        }
        #expect(try before.count(prefix: []) == UInt64(count))
        #expect(try after.count(prefix: bytes("100")) == 200)
        #expect(try before.count(prefix: bytes("100")) == 100)
        // A count that is cancelled after the first page ends early.
        let askedCount = Mutex(0)
        let short = try after.count(prefix: []) {
            askedCount.withLock { asked in
                asked += 1
                return asked > 1
            }
        }
        #expect(short == 4096)
        #expect(try after.count(prefix: [], isCancelled: { true }) == 0)
        let counting = Task { try await database.count(prefix: []) }
        counting.cancel()
        #expect(try await counting.value <= UInt64(2 * count))
    }

    @Test("is refused after a close, also on old snapshots")
    func closed() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder, keys: Self.keys)
        let snapshot = database.snapshot
        var entries = database.entries().makeAsyncIterator()
        try database.close()
        let closed = StoreError(.closed, "")
        #expect(throws: closed) { try snapshot.scan() }
        #expect(throws: closed) { try snapshot.count(prefix: []) }
        #expect(throws: closed) { try snapshot.members(of: [1]) }
        #expect(throws: closed) { try snapshot.entries(from: EntryIndex(0), limit: 1) }
        await #expect(throws: closed) { try await database.scan() }
        await #expect(throws: closed) { try await database.count(prefix: []) }
        await #expect(throws: closed) { try await database.members(of: [1]) }
        await #expect(throws: closed) { try await database.addReference([9], to: [1]) }
        do {
            _ = try await entries.next()
            Issue.record("a closed database gave an entry")
        } catch {
            #expect(error == closed)
        }
    }
}
