import Dispatch
import ImmudbStore

private let smallSize: UInt64 = 100_000
private let largeSize: UInt64 = 10_000_000
private let memberCount: UInt64 = 1_000_000
private let versionCount = 100_000
private let set = Array("members".utf8)
private let key = Array("often written".utf8)

/// How the cost of walks grows: with what they return, not with what is stored.
func measureWalks(_ report: inout Report) throws {
    let folder = try BenchFolder()
    let database = try Database.open(at: "\(folder.path)/db")
    try fill(database, from: 0, to: smallSize)
    let small = try scanMicroseconds(database.snapshot)
    try fill(database, from: smallSize, to: largeSize)
    let large = try scanMicroseconds(database.snapshot)
    report.add(
        "scan of 1,000 keys: out of 10^7 / out of 10^5", large / small, unit: "x", .atMost(3),
        "\(Report.number(large)) / \(Report.number(small)) µs a key, from random keys on")
    try measurePages(database.snapshot, &report)
    try measureCount(database.snapshot, &report)
    try measureHistory(database, &report)
    try measureMembers(database, &report)
    try database.close()
}

/// Microseconds for each of 1,000 keys, from a random key on.
private func scanMicroseconds(_ snapshot: Snapshot) throws -> Double {
    try microseconds(rounds: 200, each: 1000) { round in
        // Not from the last keys, which have too few behind them.
        var start = randomKey(UInt64(round) | 1 << 60)
        start[0] %= 0xE0
        return try snapshot.scan(after: start[0] == 0 ? [1] : start, limit: 1000).count
    }
}

/// Pages of entries in insertion order: the first 100 pages against pages all over the history.
private func measurePages(_ snapshot: Snapshot, _ report: inout Report) throws {
    let limit = 100
    func cost(_ page: (UInt64) -> UInt64) throws -> Double {
        try microseconds(rounds: 2000, each: limit) { round in
            let first = EntryIndex(page(UInt64(round)) * UInt64(limit))
            return try snapshot.entries(from: first, limit: limit).count
        }
    }
    let pageCount = largeSize / UInt64(limit)
    let first = try cost { $0 % 100 }
    let deep = try cost { pageCount - 1 - $0 % 100 }
    report.add(
        "IScan: page 10^5 / page 1", deep / first, unit: "x", .atMost(1.5),
        "\(Report.number(deep)) / \(Report.number(first)) µs an entry, pages of \(limit)")
}

/// Counting looks at each key once: RocksDB keeps no number of keys, and one that we kept would have
/// to be right for every prefix and every snapshot.
private func measureCount(_ snapshot: Snapshot, _ report: inout Report) throws {
    let start = now()
    let count = try snapshot.count(prefix: [])
    let seconds = now() - start
    report.add(
        "Count of 10^7 keys, a key", seconds / Double(count) * 1e6, unit: "µs", .none,
        "\(Report.number(seconds)) s for \(count) keys; grows with the keys that have the prefix")
}

/// A history of 10^5 versions in pages of 1,000.
private func measureHistory(_ database: Database, _ report: inout Report) throws {
    for _ in 0..<versionCount / 10_000 {
        try append(database, (0..<10_000).map { _ in NewEntry(key: key, value: value100) })
    }
    let snapshot = database.snapshot
    var costs: [Double] = []
    var before: EntryIndex?
    while true {
        let start = now()
        let page = try snapshot.history(of: key, limit: 1000, before: before)
        guard let last = page.last else { break }
        costs.append((now() - start) / Double(page.count) * 1e6)
        before = last.index
    }
    guard costs.count == versionCount / 1000 else { throw BenchError("versions are missing") }
    let tenth = costs.count / 10
    let (first, last) = (least(costs.prefix(tenth)), least(costs.suffix(tenth)))
    report.add(
        "history of 10^5 versions: last pages / first", last / first, unit: "x", .atMost(2),
        "\(Report.number(last)) / \(Report.number(first)) µs a version, pages of 1,000")
}

/// A sorted set of 10^6 members: the first 1,000 against 1,000 from the middle.
private func measureMembers(_ database: Database, _ report: inout Report) throws {
    for first in stride(from: 0, to: memberCount, by: 10_000) {
        try append(
            database,
            (first..<first + 10_000).map { number throws in
                try NewEntry.member(
                    randomKey(number), of: set, score: score(number))
            })
    }
    let snapshot = database.snapshot
    func cost(_ offset: (Int) -> [UInt8]?) throws -> Double {
        try microseconds(rounds: 200, each: 1000) { round in
            try snapshot.members(of: set, after: offset(round), limit: 1000).count
        }
    }
    let first = try cost { _ in nil }
    let deep = try cost { round in
        let number = memberCount / 2 + UInt64(round)
        return SortedSetKey(set: set, score: score(number), member: randomKey(number)).bytes
    }
    report.add(
        "ZScan of 1,000 out of 10^6: from the middle / first", deep / first, unit: "x",
        .atMost(2), "\(Report.number(deep)) / \(Report.number(first)) µs a member")
}

private func score(_ number: UInt64) -> Double { Double(number) - Double(memberCount) / 2 }

// MARK: -

func append(_ database: Database, _ entries: [NewEntry]) throws {
    let done = DispatchSemaphore(value: 0)
    database.append(entries) { result in
        guard case .success = result else { preconditionFailure("\(result)") }
        done.signal()
    }
    done.wait()
}

/// What each item that `body` returns costs, over some rounds after as many to warm up.
private func microseconds(
    rounds: Int, each: Int, _ body: (Int) throws -> Int
) throws -> Double {
    var start = now()
    for round in 0..<2 * rounds {
        if round == rounds { start = now() }
        guard try body(round) == each else { throw BenchError("a walk returns too little") }
    }
    return (now() - start) / Double(rounds * each) * 1e6
}

private func least(_ costs: some Collection<Double>) -> Double { costs.min() ?? .nan }
