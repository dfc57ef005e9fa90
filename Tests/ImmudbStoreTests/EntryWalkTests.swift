import ImmudbStore
import OwnThread
import TestTools
import Testing

@Suite("Walks in pages", .ownThread)
struct EntryWalkTests {
    /// Reads pages until the end. No page may be larger than a mebibyte and one entry.
    private func pages(_ walk: some EntryWalk) throws -> [[Entry]] {
        var walk = walk
        var pages: [[Entry]] = []
        while !walk.isAtEnd { pages.append(try walk.nextPage()) }
        #expect(try walk.nextPage().isEmpty)
        for page in pages {
            let byteCount = page.dropLast().reduce(0) { $0 + $1.key.count + $1.value.count }
            #expect(page.count <= 256 && byteCount < 1 << 20)
        }
        return pages
    }

    @Test("return all entries of the walk, and continue after each page")
    func samePages() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        for round in 0..<3 {
            try await database.setBatch(
                (0..<600).map {
                    let count = $0 % 100 == 0 ? 400_000 : $0 % 7
                    return NewEntry(
                        key: bytes("key \($0)"), value: Array(repeating: UInt8(round), count: count)
                    )
                })
        }
        try await database.setBatch(
            (0..<700).flatMap { number in
                [
                    try NewEntry.member(
                        bytes("key \(number % 600)"), of: bytes("s"), score: Double(number)),
                    NewEntry(key: bytes("key 5"), value: bytes("\(number)")),
                ]
            })
        let snapshot = database.snapshot
        for byteLimit in [Int.max, 1_000_000, 100] {
            for limit in [Int.max, 257, 1] {
                let room = AnswerRoom(limit: limit, byteLimit: byteLimit)
                for reverse in [false, true] {
                    #expect(
                        try pages(snapshot.keyScan(reverse: reverse, room: room)).flatMap { $0 }
                            == snapshot.scan(limit: limit, reverse: reverse, byteLimit: byteLimit))
                    #expect(
                        try pages(
                            snapshot.memberScan(of: bytes("s"), reverse: reverse, room: room)
                        ).flatMap { $0 }
                            == snapshot.members(
                                of: bytes("s"), limit: limit, reverse: reverse, byteLimit: byteLimit
                            ).map(\.entry))
                }
                #expect(
                    try pages(snapshot.versionWalk(of: bytes("key 5"), room: room)).flatMap { $0 }
                        == snapshot.history(of: bytes("key 5"), limit: limit, byteLimit: byteLimit))
                #expect(
                    try pages(snapshot.indexWalk(from: EntryIndex(3), room: room)).flatMap { $0 }
                        == snapshot.entries(from: EntryIndex(3), limit: limit, byteLimit: byteLimit)
                )
            }
        }
        #expect(try snapshot.history(of: bytes("key 5")).count == 703)
        try database.close()
    }

    @Test("have empty pages in a scan that skips references, so that it can be stopped")
    func emptyPages() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.set(bytes("a"), bytes("1"))
        try await database.setBatch(
            (0..<20_000).map { NewEntry.reference(bytes("r\($0)"), to: bytes("a")) })
        let snapshot = database.snapshot
        let room = AnswerRoom(byteLimit: .max)
        let skipping = try pages(snapshot.keyScan(prefix: bytes("r"), room: room))
        #expect(skipping.count >= 5)
        #expect(skipping.flatMap { $0 }.isEmpty)
        let deep = try pages(snapshot.keyScan(prefix: bytes("r"), deep: true, room: room))
        #expect(deep.flatMap { $0 }.count == 20_000)
        try database.close()
    }

    @Test("report the size of the next entries before they are read, and read no others")
    func runs() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        var sizes: [Int] = []
        for number in 0..<3000 {
            let size = number % 500 == 7 ? 200_000 : number % 90
            sizes.append(size)
            if sizes.count % 100 == 0 {
                try await database.setBatch(
                    sizes.suffix(100).map {
                        NewEntry(key: bytes("key"), value: Array(repeating: 1, count: $0))
                    })
            }
        }
        let snapshot = database.snapshot
        for byteLimit in [0, 1000, 150_000, 10_000_000] {
            var walk = snapshot.indexWalk(from: EntryIndex(0), room: AnswerRoom(byteLimit: .max))
            var read: [Entry] = []
            while let run = try walk.nextRun(upTo: byteLimit) {
                #expect(run.first == EntryIndex(UInt64(read.count)))
                #expect(run.count == 1 || run.byteCount <= byteLimit)
                #expect(run.count <= 1000)
                var byteCount = 0
                let before = read.count
                try walk.read(run) {
                    byteCount += $0.key.count + $0.value.count
                    read.append($0)
                }
                #expect(read.count - before == run.count)
                // Frames have some bytes between the entries of two batches.
                #expect(byteCount <= run.byteCount)
                #expect(run.byteCount <= byteCount + (run.count / 100 + 2) * 200)
            }
            #expect(walk.isAtEnd)
            #expect(read.map(\.value.count) == sizes)
        }
        try database.close()
    }
}
