import ImmudbStore
import OwnThread
import TestTools
import Testing

@Suite(.ownThread)
struct SortedSetTests {
    /// Opens a database with keys of one letter, a to h.
    private func opened(_ folder: TemporaryFolder) async throws -> Database {
        let database = try Database.open(in: folder)
        try await database.setBatch(
            "abcdefgh".map { NewEntry(key: bytes("\($0)"), value: bytes("value of \($0)")) })
        return database
    }

    private func names(_ members: [SortedSetMember]) -> String {
        members.map { String(decoding: $0.member, as: UTF8.self) }.joined()
    }

    @Test("has entry keys with the bytes that the original wrote")
    func recordedKeys() throws {
        // The vectors of set keys that were recorded from immudb 0.6.
        let recorded: [(String, Double, String, [UInt8])] = [
            ("set1", 1.5, "key1", [0x3F, 0xF8, 0, 0, 0, 0, 0, 0]),
            ("set1", 0.5, "key2", [0x3F, 0xE0, 0, 0, 0, 0, 0, 0]),
            ("zs", 3.25, "rk3", [0x40, 0x0A, 0, 0, 0, 0, 0, 0]),
            ("zs", -2, "rk2", [0xC0, 0, 0, 0, 0, 0, 0, 0]),
            ("zs", 0, "rk1", [0, 0, 0, 0, 0, 0, 0, 0]),
            ("zs", -0.0, "rk1", [0x80, 0, 0, 0, 0, 0, 0, 0]),
            ("zs", .infinity, "k", [0x7F, 0xF0, 0, 0, 0, 0, 0, 0]),
            ("zs", -.infinity, "k", [0xFF, 0xF0, 0, 0, 0, 0, 0, 0]),
        ]
        for (set, score, member, score8) in recorded {
            let key = SortedSetKey(set: bytes(set), score: score, member: bytes(member))
            #expect(key.bytes == bytes(set) + score8 + bytes(member))
            let parsed = try #require(SortedSetKey(bytes: key.bytes, set: bytes(set)))
            #expect(parsed == key)
            #expect(parsed.score.bitPattern == score.bitPattern)
            let new = try NewEntry.member(bytes(member), of: bytes(set), score: score)
            #expect(new.key == key.bytes && new.value == bytes(member))
            let entry = Entry(
                index: EntryIndex(0), kind: new.kind, key: new.key, value: new.value)
            #expect(SortedSetKey(entry: entry) == key)
            var ordinary = entry
            ordinary.kind = .value
            #expect(SortedSetKey(entry: ordinary) == nil)
        }
    }

    @Test("D12: orders scores as numbers, negative ones below zero, -0.0 as 0.0")
    func numericOrder() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder)
        let scores: [(String, Double)] = [
            ("a", 1), ("b", -2), ("c", -0.5), ("d", .infinity), ("e", 0), ("f", -.infinity),
            ("g", -1e300), ("h", 1e-300),
        ]
        for (member, score) in scores {
            try await database.addMember(bytes(member), to: bytes("s"), score: score)
        }
        #expect(names(try await database.members(of: bytes("s"))) == "fgbcehad")
        #expect(names(try await database.members(of: bytes("s"), reverse: true)) == "dahecbgf")
        #expect(
            try await database.members(of: bytes("s")).map(\.score)
                == [-.infinity, -1e300, -2, -0.5, 0, 1e-300, 1, .infinity])
        // It is between the members of 0.0, although its bits are larger than those of all positive
        // scores.
        let index = try await database.addMember(bytes("d"), to: bytes("s"), score: -0.0)
        try await database.addMember(bytes("f"), to: bytes("s"), score: 0)
        #expect(names(try await database.members(of: bytes("s"))) == "fgbcdefhad")
        let stored = try await database.entry(at: index)
        #expect(stored.key == bytes("s") + [0x80, 0, 0, 0, 0, 0, 0, 0] + bytes("d"))
    }

    @Test("D13: shows only its own members, neither another set's, nor ordinary or forged keys")
    func ownMembersOnly() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder)
        try await database.addMember(bytes("a"), to: bytes("ab"), score: 1)
        try await database.addMember(bytes("b"), to: bytes("abc"), score: 1)
        try await database.addMember(bytes("c"), to: bytes("ab") + [0], score: 1)
        // A name that ends in a score: the keys of its entries begin like those of "ab".
        let tricky = SortedSetKey(set: bytes("ab"), score: 1, member: []).bytes
        try await database.addMember(bytes("d"), to: tricky, score: 1)
        try await database.set(bytes("abcdefghijklmnop"), bytes("ordinary"))
        let forged = SortedSetKey(set: bytes("ab"), score: 2, member: bytes("e")).bytes
        try await database.set(forged, bytes("e"))
        #expect(names(try await database.members(of: bytes("ab"))) == "a")
        #expect(names(try await database.members(of: bytes("abc"), reverse: true)) == "b")
        #expect(names(try await database.members(of: bytes("ab") + [0])) == "c")
        #expect(names(try await database.members(of: tricky)) == "d")
        #expect(try await database.members(of: bytes("a")).isEmpty)
        for set in [[], [0], [0, 97]] as [[UInt8]] {
            let error = await #expect(throws: StoreError(.invalidSet, "")) {
                try await database.members(of: set)
            }
            #expect(error?.code == .invalidSet)
        }
        // No read of keys returns members.
        let key = SortedSetKey(set: bytes("ab"), score: 1, member: bytes("a")).bytes
        #expect(try await database.get(key) == nil)
        #expect(try await database.history(of: key).isEmpty)
        #expect(try await database.count(prefix: []) == 10)
        #expect(try await database.scan(prefix: bytes("ab")).count == 2)
    }

    @Test("shows a member with two scores twice, and one added again with its score once")
    func twice() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder)
        for (member, score) in [("a", 2.0), ("b", 1), ("a", 0), ("b", 1), ("a", 2)] {
            try await database.addMember(bytes(member), to: bytes("s"), score: score)
        }
        try await database.set(bytes("a"), bytes("new"))
        let members = try await database.members(of: bytes("s"))
        #expect(names(members) == "aba")
        #expect(members.map(\.score) == [0, 1, 2])
        #expect(members.map(\.setEntryIndex.rawValue) == [10, 9, 8])
        #expect(members.map(\.entry.index.rawValue) == [13, 1, 13])
        #expect(try await database.entries(from: EntryIndex(8), limit: 5).count == 5)
    }

    @Test("D9: continues strictly after an offset, which need not exist, in both directions")
    func offsets() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder)
        let set = bytes("s")
        for (place, member) in "abcdefgh".enumerated() {
            try await database.addMember(
                bytes("\(member)"), to: set, score: Double(place / 2) - 1)
        }
        func after(_ score: Double, _ member: String, reverse: Bool = false) async throws -> String
        {
            let offset = SortedSetKey(set: set, score: score, member: bytes(member)).bytes
            return names(try await database.members(of: set, after: offset, reverse: reverse))
        }
        #expect(try await after(-1, "a") == "bcdefgh")
        #expect(try await after(-1, "aa") == "bcdefgh")
        #expect(try await after(-0.0, "c") == "defgh")
        #expect(try await after(0.5, "z") == "efgh")
        #expect(try await after(2, "h").isEmpty)
        #expect(try await after(.infinity, "a", reverse: true) == "hgfedcba")
        #expect(try await after(1, "f", reverse: true) == "edcba")
        #expect(try await after(-1, "a", reverse: true).isEmpty)
        #expect(names(try await database.members(of: set, after: [], limit: 2)) == "ab")
        // A score without a member lies before all members of that score.
        #expect(try await after(-0.0, "") == "cdefgh")
        #expect(try await after(0, "", reverse: true) == "ba")
        for reverse in [false, true] {
            var all = ""
            var offset: [UInt8]?
            while true {
                let page = try await database.members(
                    of: set, after: offset, limit: 3, reverse: reverse)
                guard let last = page.last else { break }
                all += names(page)
                offset = SortedSetKey(set: set, score: last.score, member: last.member).bytes
            }
            #expect(all == (reverse ? "hgfedcba" : "abcdefgh"))
        }
        let wrong: [[UInt8]] = [
            bytes("a"), set, set + [1, 2, 3, 4, 5, 6, 7], bytes("t12345678a"), [0],
            SortedSetKey(set: set, score: .nan, member: []).bytes,
            SortedSetKey(set: set, score: .nan, member: bytes("a")).bytes,
            SortedSetKey(set: set, score: 1, member: [0]).bytes,
        ]
        for offset in wrong {
            let error = await #expect(throws: StoreError(.invalidOffset, ""), "\(offset)") {
                try await database.members(of: set, after: offset)
            }
            #expect(error?.code == .invalidOffset)
        }
    }

    @Test("ends early at limits of entries and of bytes, but always returns the first member")
    func limits() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder)
        for member in "abcdefgh" {
            try await database.addMember(bytes("\(member)"), to: bytes("s"), score: 0)
        }
        let each = 1 + "value of a".count
        for (limit, byteLimit, count) in [
            (0, .max, 0), (-1, .max, 0), (3, .max, 3), (.max, 0, 1), (.max, -5, 1),
            (.max, 3 * each, 3), (.max, 3 * each - 1, 2), (2, 3 * each, 2), (.max, .max, 8),
        ] {
            let members = try await database.members(
                of: bytes("s"), limit: limit, byteLimit: byteLimit)
            #expect(members.count == count, "\(limit), \(byteLimit)")
        }
    }

    @Test("shows the members of an older snapshot")
    func snapshots() async throws {
        let folder = TemporaryFolder()
        let database = try await opened(folder)
        let empty = database.snapshot
        try await database.addMember(bytes("a"), to: bytes("s"), score: 2)
        let one = database.snapshot
        try await database.addMember(bytes("b"), to: bytes("s"), score: 1)
        try await database.addMember(bytes("a"), to: bytes("s"), score: 2)
        try await database.set(bytes("a"), bytes("new"))
        #expect(try empty.members(of: bytes("s")).isEmpty)
        #expect(try names(one.members(of: bytes("s"))) == "a")
        #expect(try one.members(of: bytes("s"))[0].entry.value == bytes("value of a"))
        #expect(try names(database.snapshot.members(of: bytes("s"))) == "ba")
        #expect(try database.snapshot.members(of: bytes("s"))[1].entry.value == bytes("new"))
    }
}
