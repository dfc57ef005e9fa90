import ImmudbStore
import OwnThread
import TestTools
import Testing

@Suite(.ownThread)
struct EntriesTests {
    /// Fills a database with entries of all kinds and many lengths, in frames of all sizes.
    private func filled(_ folder: TemporaryFolder, count: Int) async throws -> Database {
        let database = try Database.open(in: folder)
        var number = 0
        while number < count {
            let batch = try (number..<min(count, number + 1 + number % 90)).map {
                number -> NewEntry in
                let key = bytes("key \(number)")
                return switch number % 7 {
                case 3: NewEntry.reference(key, to: bytes("key 0"))
                case 5: try NewEntry.member(bytes("key 1"), of: bytes("set"), score: Double(number))
                default:
                    NewEntry(
                        key: key, value: Array(repeating: 7, count: number % 50 == 0 ? 9000 : 10))
                }
            }
            try await database.setBatch(batch)
            number += batch.count
        }
        return database
    }

    @Test("returns entries in insertion order, unchanged, from any index, in any page size")
    func insertionOrder() async throws {
        let folder = TemporaryFolder()
        let database = try await filled(folder, count: 3000)
        let snapshot = database.snapshot
        let all = try (0..<3000 as Range<UInt64>).map { try snapshot.entry(at: EntryIndex($0)) }
        #expect(try snapshot.entries(from: EntryIndex(0), limit: .max) == all)
        #expect(Set(all.map(\.kind)) == Set(EntryKind.allCases))
        for (first, limit) in [(0, 1), (1, 1023), (7, 1024), (1023, 1025), (2990, 20), (2999, 1)] {
            let page = try await database.entries(from: EntryIndex(UInt64(first)), limit: limit)
            #expect(page == Array(all[first...].prefix(limit)), "\(first), \(limit)")
        }
        for beyond in [3000, 3001, UInt64.max] {
            #expect(try await database.entries(from: EntryIndex(beyond), limit: 1).isEmpty)
        }
        // Pages that are limited by bytes return all of them, whatever their size.
        var paged: [Entry] = []
        while true {
            let page = try snapshot.entries(
                from: EntryIndex(UInt64(paged.count)), limit: .max, byteLimit: 5000)
            if page.isEmpty { break }
            paged += page
        }
        #expect(paged == all)
    }

    @Test("returns each entry of its snapshot once while others are appended")
    func iteration() async throws {
        let folder = TemporaryFolder()
        let database = try await filled(folder, count: 2500)
        let sequence = database.entries(from: EntryIndex(3))
        for _ in 0..<2 {
            var next: UInt64 = 3
            for try await entry in sequence {
                try #require(entry.index.rawValue == next)
                if next % 500 == 0 { try await database.set(bytes("more"), []) }
                next += 1
            }
            #expect(next == 2500)
        }
        #expect(database.snapshot.size == TreeSize(2508))
        var end = database.entries(from: EntryIndex(2508)).makeAsyncIterator()
        #expect(try await end.next() == nil)
        #expect(try await end.next() == nil)
        let empty = TemporaryFolder()
        for try await entry in try Database.open(in: empty).entries() {
            Issue.record("an empty database has \(entry)")
        }
    }
}
