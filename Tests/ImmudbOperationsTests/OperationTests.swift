import ImmudbOperations
import ImmudbStore
import OwnThread
import Testing

@Suite("Operations on a database", .ownThread)
struct OperationTests {
    @Test("locate a read first, then complete it, with a proof if it was requested")
    func reads() async throws {
        let test = try TestDatabase()
        try await test.fill(20, valueByteCount: 5_000)
        let pending = try test.operations.get(bytes("key 7"))
        #expect((5_000..<6_000).contains(pending.byteCount))
        // The snapshot was taken before, so it does not have later writes.
        try await test.database.setBatch([NewEntry(key: bytes("key 7"), value: bytes("new"))])
        let (entry, proof) = try pending.complete()
        #expect(entry.index == EntryIndex(7) && proof == nil)
        #expect(
            try test.operations.entry(at: EntryIndex(20)).complete().entry.value == bytes("new"))

        let trusted = test.operations.root
        let proven = try test.operations.getProven(
            bytes("key 3"), since: EntryIndex(trusted.size.rawValue - 1)
        ).complete()
        try #require(proven.proof).verify(proven.entry, since: trusted)
    }

    @Test("have codes for missing entries, and for impossible keys and roots")
    func refusals() async throws {
        let test = try TestDatabase()
        func code(_ body: () throws -> Void) -> StoreError.Code? {
            do { try body() } catch { return (error as? StoreError)?.code }
            return nil
        }
        let operations = test.operations
        #expect(code { _ = try operations.get(bytes("x")) } == .keyNotFound)
        #expect(code { _ = try operations.get([]) } == .invalidKey)
        #expect(
            code { _ = try operations.getProven(bytes("x"), since: nil) } == .keyNotFound)
        #expect(code { _ = try operations.entry(at: EntryIndex(0)) } == .indexNotFound)
        #expect(code { _ = try operations.inclusion(of: EntryIndex(0)) } == .indexNotFound)
        #expect(code { _ = try operations.consistency(since: EntryIndex(.max)) } == .indexNotFound)
        try await test.fill(3)
        for index in [3, UInt64.max] {
            let since = EntryIndex(index)
            #expect(
                code { _ = try operations.getProven(bytes("key 1"), since: since) }
                    == .invalidRootIndex)
        }
        #expect(code { _ = try operations.count(prefix: [], for: TestCaller()) } == .invalidPrefix)
    }

    @Test(
        "prove an append since the trusted tree, and refuse it before the write if they cannot"
    )
    func provenAppends() async throws {
        let test = try TestDatabase()
        // The tree of one entry, which exists once the entry does.
        let first = try await test.appendProven(
            NewEntry(key: bytes("a"), value: bytes("1")), since: nil
        ).get()
        #expect(first.index == EntryIndex(0))
        let trusted = test.operations.root
        let entry = NewEntry(key: bytes("b"), value: bytes("2"))
        let second = try await test.appendProven(entry, since: EntryIndex(0)).get()
        try second.verify(
            Entry(index: EntryIndex(1), key: entry.key, value: entry.value), since: trusted)

        let size = test.operations.root.size
        for (entry, since, code) in [
            (NewEntry(key: [], value: []), nil, StoreError.Code.invalidKey),
            (entry, EntryIndex(2), .invalidRootIndex), (entry, EntryIndex(.max), .invalidRootIndex),
        ] {
            guard case .failure(.refused(let error)) = await test.appendProven(entry, since: since)
            else {
                Issue.record("\(entry) since \(String(describing: since)) was not refused")
                continue
            }
            #expect(error.code == code)
        }
        guard
            case .failure(.notAppended(let error)) = await test.appendProven(
                entry, since: nil, for: TestCaller(patience: 0))
        else {
            Issue.record("the entry of a caller that has gone was written")
            return
        }
        #expect(error.code == .cancelled)
        #expect(test.operations.root.size == size)
    }

    @Test("return walks in pages, and end before the next one if the caller has disconnected")
    func walks() async throws {
        let test = try TestDatabase(answerByteLimit: 8 << 20)
        try await test.fill(1_000)
        func pages(
            patience: Int = .max,
            _ walk: (TestCaller, ([Entry]) throws -> Void) throws -> Void
        ) throws -> [[Entry]] {
            var pages: [[Entry]] = []
            try walk(TestCaller(patience: patience)) { pages.append($0) }
            return pages
        }
        func scan(_ caller: TestCaller, _ page: ([Entry]) throws -> Void) throws {
            try test.operations.scan(
                prefix: bytes("key"), after: [], limit: .max, reverse: false, deep: false,
                for: caller, page: page)
        }
        let all = try pages(scan)
        #expect(all.count > 1 && all.joined().count == 1_000)
        #expect(throws: OperationError.callerHasGone) { try pages(patience: 1, scan) }

        let keys = (0..<1_000).map { bytes("key \($0)") } + [bytes("none")]
        func many(_ caller: TestCaller, _ page: ([Entry]) throws -> Void) throws {
            try test.operations.get(many: keys, for: caller, page: page)
        }
        #expect(try pages(many).joined().map(\.key) == keys.dropLast())
        #expect(throws: OperationError.callerHasGone) { try pages(patience: 999, many) }

        var hasMore = false
        let some = try pages { caller, page in
            hasMore = try test.operations.entries(
                from: EntryIndex(990), count: 7, for: caller, page: page)
        }
        #expect(some.joined().map(\.index.rawValue) == Array(990..<997) && hasMore)
        let last = try pages { caller, page in
            hasMore = try test.operations.entries(
                from: EntryIndex(997), count: .max, for: caller, page: page)
        }
        #expect(last.joined().count == 3 && !hasMore)
        #expect(try test.operations.count(prefix: bytes("key 99"), for: TestCaller()) == 11)
        #expect(throws: OperationError.callerHasGone) {
            try test.operations.count(prefix: bytes("key"), for: TestCaller(patience: 0))
        }
    }

    @Test(
        "refuse lists beyond the limit of an answer if they must be whole, and cut others short")
    func answerLimit() async throws {
        let test = try TestDatabase(answerByteLimit: 10_000)
        try await test.fill(100, valueByteCount: 1_000)
        let caller = TestCaller()
        let tooLarge = OperationError.answerTooLarge(byteLimit: 10_000)
        #expect(throws: tooLarge) {
            try test.operations.get(
                many: (0..<20).map { bytes("key \($0)") }, for: caller, page: { _ in })
        }
        #expect(throws: tooLarge) {
            try test.operations.entries(from: EntryIndex(0), count: 10, for: caller) { _ in }
        }
        var count = 0
        try test.operations.scan(
            prefix: [], after: [], limit: .max, reverse: false, deep: false, for: caller
        ) { count += $0.count }
        // Each entry takes 29 bytes beside the 1,000 of its value and 5 or 6 of its key.
        #expect(count == 9)
    }

    @Test("dump every entry once, in runs of known size")
    func dump() async throws {
        let test = try TestDatabase()
        try await test.fill(2_500, valueByteCount: 100)
        var dump = test.operations.dump()
        try await test.fill(1)  // not in the dump
        #expect(dump.size.rawValue == 2_500)
        var indexes: [UInt64] = []
        while let run = try await dump.nextRun(upTo: 30_000) {
            let (seen, byteCount) = try await dump.read(run) { forEach throws(StoreError) in
                var seen: [UInt64] = []
                var byteCount = 0
                try forEach {
                    seen.append($0.index.rawValue)
                    byteCount += $0.key.count + $0.value.count
                }
                return (seen, byteCount)
            }
            #expect(seen.count == run.count && byteCount <= run.byteCount)
            #expect(run.byteCount <= 30_000)
            indexes += seen
        }
        #expect(indexes == Array(0..<2_500))
    }

    @Test("report health as whole while keys are found and writes are taken")
    func health() async throws {
        let test = try TestDatabase()
        #expect(test.operations.health().isWhole)
        try test.database.close()
        #expect(!test.operations.health().isWhole)
        #expect(test.operations.health().readError?.code == .closed)
    }
}
