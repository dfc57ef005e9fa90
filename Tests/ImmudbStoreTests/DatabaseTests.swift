import Foundation
import ImmudbStore
import OwnThread
import TestTools
import Testing

@Suite(.ownThread)
struct DatabaseTests {
    @Test("is empty when it is new")
    func empty() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        #expect(database.snapshot.size.isEmpty)
        #expect(database.snapshot.root == .emptyTree)
        #expect(try await database.get(bytes("a")) == nil)
        #expect(try await database.history(of: bytes("a")) == [])
        await #expect(throws: StoreError(.indexNotFound, "")) {
            try await database.entry(at: EntryIndex(0))
        }
        try database.close()
    }

    @Test("warns of nothing if it is healthy: new, opened again while empty, and with entries")
    func noFalseWarnings() async throws {
        let folder = TemporaryFolder()
        let log = LogLines()
        for _ in 0..<2 { try Database.open(in: folder, log: log).close() }
        let database = try Database.open(in: folder, log: log)
        try await database.set(bytes("a"), bytes("1"))
        try database.close()
        try Database.open(in: folder, log: log).close()
        #expect(log.all.allSatisfy { !$0.hasPrefix("warning") && !$0.hasPrefix("error") })
    }

    @Test("returns a history of any length, newest first, whole or as much of it as bytes allow")
    func longHistory() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        let count = 1300
        try await database.setBatch(
            (0..<count).map { NewEntry(key: bytes("k"), value: bytes("\(10_000 + $0)")) })
        let all = try await database.history(of: bytes("k"))
        #expect(all.map(\.index.rawValue) == (0..<UInt64(count)).reversed())
        // Each entry counts as 1 byte of key and 5 of value.
        for fitting in [1, 511, 512, 513, 1299] {
            let some = try await database.history(of: bytes("k"), byteLimit: 6 * fitting + 5)
            #expect(some == Array(all.prefix(fitting)))
        }
        #expect(try await database.history(of: bytes("k"), byteLimit: 0) == [all[0]])
        #expect(try await database.history(of: bytes("k"), limit: 600) == Array(all.prefix(600)))
        try database.close()
    }

    @Test("returns what was set, by key, by index and in its history, also after a reopening")
    func setAndGet() async throws {
        let folder = TemporaryFolder()
        var database = try Database.open(in: folder)
        #expect(try await database.set(bytes("a"), bytes("1")) == EntryIndex(0))
        #expect(try await database.set(bytes("b"), bytes("2")) == EntryIndex(1))
        #expect(try await database.set(bytes("a"), []) == EntryIndex(2))
        for _ in 0..<2 {
            #expect(try await database.get(bytes("a"))?.value == [])
            #expect(try await database.get(bytes("b"))?.index == EntryIndex(1))
            #expect(try await database.entry(at: EntryIndex(0)).value == bytes("1"))
            let history = try await database.history(of: bytes("a"))
            #expect(history.map(\.index.rawValue) == [2, 0])
            let many = try await database.get(many: [
                bytes("b"), bytes("x"), bytes("a"), bytes("b"),
            ])
            #expect(many.map(\.index.rawValue) == [1, 2, 1])
            try database.close()
            database = try Database.open(in: folder)
        }
    }

    @Test("writes a batch whole, with an index for each entry, also with the same key twice")
    func batches() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.set(bytes("a"), bytes("0"))
        let range = try await database.setBatch([
            NewEntry(key: bytes("a"), value: bytes("1")),
            NewEntry(key: bytes("b"), value: bytes("2")),
            NewEntry(key: bytes("a"), value: bytes("3")),
        ])
        #expect(range == EntryIndex(1)...EntryIndex(3))
        let history = try await database.history(of: bytes("a"))
        #expect(history.map(\.value) == [bytes("3"), bytes("1"), bytes("0")])
    }

    @Test("does not write a batch that is no longer wanted when its turn comes")
    func cancelledBatch() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        let result = await withCheckedContinuation { continuation in
            database.append([NewEntry(key: [1], value: [2])], isCancelled: { true }) {
                continuation.resume(returning: $0)
            }
        }
        #expect(throws: StoreError(.cancelled, "")) { try result.get() }
        #expect(database.snapshot.size.isEmpty)
        #expect(try await database.set([1], [3]).rawValue == 0)
        try database.close()
    }

    @Test("refuses bad input with its reason, and writes nothing")
    func badInput() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.set(bytes("a"), bytes("1"))
        let root = database.snapshot.root
        let good = NewEntry(key: bytes("b"), value: [])
        let cases: [([NewEntry], StoreError.Code)] = [
            ([], .emptyBatch),
            ([good, NewEntry(key: [], value: [])], .invalidKey),
            ([NewEntry(key: [0, 1], value: [])], .invalidKey),
            ([good, NewEntry(key: bytes("!badger!x"), value: [])], .invalidKey),
            ([NewEntry(key: Array(repeating: 1, count: 65_001), value: [])], .keyTooLong),
            (Array(repeating: good, count: 104_856), .tooManyEntries),
            (
                [NewEntry(kind: .sortedSetMember, key: bytes("short"), value: bytes("m"))],
                .invalidKey
            ),
            ([NewEntry(kind: .reference, key: bytes("ref"), value: [])], .invalidKey),
        ]
        for (batch, code) in cases {
            await #expect(throws: StoreError(code, "")) { try await database.setBatch(batch) }
        }
        await #expect(throws: StoreError(.invalidRootIndex, "")) {
            try await database.setProven(bytes("b"), [], since: TreeSize(2))
        }
        await #expect(throws: StoreError(.invalidKey, "")) { try await database.get([]) }
        await #expect(throws: StoreError(.invalidKey, "")) { try await database.history(of: [0]) }
        #expect(database.snapshot.root == root)
        #expect(try await database.set(Array(repeating: 1, count: 65_000), []) == EntryIndex(1))
    }

    @Test("gives concurrent writers dense indexes, and lets each find its entry at once")
    func concurrentWriters() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        let indexes = try await withThrowingTaskGroup(of: [UInt64].self) { group in
            for writer in 0..<16 {
                group.addTask {
                    var mine: [UInt64] = []
                    for number in 0..<25 {
                        let key = bytes("\(writer)/\(number)")
                        let proven = try await database.setProven(key, key)
                        try proven.proof.verify(proven.entry, since: .empty)
                        #expect(try await database.get(key)?.index == proven.entry.index)
                        mine.append(proven.entry.index.rawValue)
                    }
                    #expect(mine == mine.sorted())
                    return mine
                }
            }
            var all: [UInt64] = []
            for try await mine in group { all += mine }
            return all
        }
        #expect(indexes.sorted() == Array(0..<400))
        try database.close()
        let again = try Database.open(in: folder)
        #expect(again.snapshot.root == database.snapshot.root)
    }

    @Test("has roots that are consistent with every earlier one, and snapshots that do not change")
    func roots() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        var snapshots = [database.snapshot]
        for number in 0..<150 {
            try await database.set(bytes("key \(number % 7)"), bytes("\(number)"))
            snapshots.append(database.snapshot)
        }
        for (size, old) in snapshots.enumerated() {
            #expect(old.size == TreeSize(UInt64(size)))
            let newest = database.snapshot
            try newest.consistencyProof(from: old.size).verify(from: old.root, to: newest.root)
            for index in stride(from: 0, to: size, by: 13) {
                let index = EntryIndex(UInt64(index))
                let proof = try old.proof(of: index, since: TreeSize(UInt64(size / 2)))
                try proof.verify(old.entry(at: index), since: snapshots[size / 2].trustedRoot)
            }
            if size > 0 {
                #expect(try old.get(bytes("key \((size - 1) % 7)"))?.value == bytes("\(size - 1)"))
            }
            #expect(try old.get(bytes("key 6")) == nil || size > 6)
        }
    }

    @Test("reports that it is closed after closing, and may be closed again")
    func closed() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.set(bytes("a"), bytes("1"))
        let snapshot = database.snapshot
        try database.close()
        try database.close()
        await #expect(throws: StoreError(.closed, "")) { try await database.set(bytes("a"), []) }
        await #expect(throws: StoreError(.closed, "")) { try await database.get(bytes("a")) }
        #expect(throws: StoreError(.closed, "")) { try snapshot.get(bytes("a")) }
        #expect(throws: StoreError(.closed, "")) { try snapshot.inclusionProof(of: EntryIndex(0)) }
    }

    @Test("closes itself and unlocks its folder if its last owner is a completion")
    func closedByItself() async throws {
        let folder = TemporaryFolder()
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            do {
                let database = try Database.open(in: folder)
                database.append([NewEntry(key: bytes("a"), value: bytes("1"))]) { result in
                    withExtendedLifetime(database) { done.resume(with: result.map { _ in }) }
                }
            } catch {
                done.resume(throwing: error)
            }
        }
        var again: Database?
        for _ in 0..<100 where again == nil {
            try await Task.sleep(for: .milliseconds(50))
            again = try? Database.open(in: folder)
        }
        let opened = try #require(again, "the folder is still in use")
        #expect(try await opened.get(bytes("a"))?.value == bytes("1"))
    }

    @Test("is closed when a process ends right after releasing it")
    func exitWhileClosing() async throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.path, withIntermediateDirectories: true)
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            var databases = try (0..<8).map { try Database.open(at: "\(path)/\($0)") }
            for database in databases {
                try await database.setBatch(
                    (0..<2000).map { NewEntry(key: bytes("key \($0)"), value: bytes("value")) })
            }
            databases = []
        }
        for number in 0..<8 {
            let log = LogLines()
            var options = Database.Options()
            options.log = log.sink
            let database = try Database.open(at: "\(folder.path)/\(number)", options: options)
            #expect(database.snapshot.size == TreeSize(2000))
            // The views are up to date, so nothing is indexed again.
            #expect(log.all.isEmpty, "\(log.all)")
            try database.close()
        }
    }

    @Test(
        "keeps entries over a clean close with every durability",
        arguments: [Durability.always, .interval(milliseconds: 20), .never])
    func durabilities(durability: Durability) async throws {
        let folder = TemporaryFolder()
        var options = Database.Options()
        options.durability = durability
        options.segmentByteCount = 4096
        let database = try Database.open(at: folder.path, options: options)
        for number in 0..<100 { try await database.set(bytes("\(number)"), bytes("value")) }
        try await Task.sleep(for: .milliseconds(60))
        try database.close()
        let again = try Database.open(at: folder.path, options: options)
        #expect(again.snapshot.size == TreeSize(100))
        #expect(again.snapshot.root == database.snapshot.root)
        let sizes = try again.sizes()
        #expect(sizes.ledger > 0 && sizes.tree > 0 && sizes.index > 0)
        // The entries are in a file since the first database was closed, except for one.
        let before = again.memoryUse
        try await again.set(bytes("new"), bytes("value"))
        _ = try again.snapshot.get(bytes("1"))
        let after = again.memoryUse
        #expect(after.memtables > before.memtables && after.tables + after.blockCache > 0)
        #expect(again.health.isWritable)
    }
}
