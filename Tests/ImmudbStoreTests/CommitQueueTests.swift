import StorageIO
import Synchronization
import TestTools
import Testing

@testable import ImmudbStore

@Suite("The queue before the committer")
struct CommitQueueTests {
    private let queue = CommitQueue(byteLimit: 256 << 20)

    /// Makes a unit whose cost is a multiple of a group's largest.
    private func unit(
        _ name: String, groups: Double = 0, source: Int, isCancelled: Bool = false
    ) -> CommitUnit {
        let cost = Int(groups * Double(CommitQueue.groupCost))
        return CommitUnit(
            entries: [NewEntry(key: Array(name.utf8), value: [])],
            byteCount: max(name.utf8.count, cost - 1_024), source: source,
            isCancelled: { isCancelled }, completion: { _ in })
    }

    private func put(
        _ name: String, groups: Double = 0, source: Int, isCancelled: Bool = false
    ) -> CommitQueue.PutResult {
        queue.put(unit(name, groups: groups, source: source, isCancelled: isCancelled))
    }

    private func names(_ group: [CommitUnit]?) -> [String]? {
        group?.map { String(decoding: $0.entries[0].key, as: UTF8.self) }
    }

    private func takeGroup() -> [String]? { names(queue.takeGroup(timeoutMilliseconds: 0)) }

    @Test("makes one group of all waiting units, in order")
    func oneGroup() {
        for name in ["a", "b", "c"] { #expect(put(name, source: 0) == .queued) }
        #expect(takeGroup() == ["a", "b", "c"])
        #expect(takeGroup() == [])
        #expect(queue.isEmpty)
    }

    @Test("ends a group where the next unit would exceed its limit")
    func limit() {
        for name in ["a", "b", "c", "d"] { _ = put(name, groups: 0.4, source: 0) }
        #expect(takeGroup() == ["a", "b"])
        #expect(takeGroup() == ["c", "d"])
    }

    @Test("makes a group of its own for a unit beyond the limit")
    func larger() {
        for name in ["a", "b"] { _ = put(name, groups: 3, source: 0) }
        #expect(takeGroup() == ["a"])
        #expect(takeGroup() == ["b"])
    }

    @Test("takes a small write before all earlier units of others")
    func smallOnesPassBy() {
        for source in 0..<50 { for _ in 0..<3 { _ = put("large", groups: 2, source: source) } }
        #expect(takeGroup() == ["large"])
        _ = put("small", source: 99)
        #expect(takeGroup() == ["small"])
        #expect(takeGroup() == ["large"])
    }

    @Test("does not delay large writes endlessly because of small ones")
    func largeOnesHaveTheirTurn() {
        _ = put("large", groups: 5, source: 1)
        var groups: [[String]] = []
        for _ in 0..<4 {
            _ = put("small", source: 2)
            groups.append(takeGroup() ?? [])
        }
        #expect(groups.prefix(2).contains(["large"]))
    }

    @Test("adds a small write to a group of larger ones that has room for it")
    func joins() {
        _ = put("small", source: 1)
        #expect(takeGroup() == ["small"])
        _ = put("middle", groups: 0.125, source: 2)
        _ = put("small", source: 1)
        #expect(takeGroup() == ["middle", "small"])
    }

    @Test("makes smaller groups of larger units for some time after a small unit")
    func politeGroups() {
        func countOfMiddleOnes() -> Int {
            for _ in 0..<8 { _ = put("middle", groups: 0.125, source: 2) }
            defer { while !queue.isEmpty { _ = takeGroup() } }
            return takeGroup()?.count ?? 0
        }
        #expect(countOfMiddleOnes() == 8)
        _ = put("small", source: 1)
        #expect(takeGroup() == ["small"])
        #expect(countOfMiddleOnes() == 2)
        for _ in 0..<64 {
            _ = put("large", groups: 2, source: 3)
            #expect(takeGroup() == ["large"])
        }
        #expect(countOfMiddleOnes() == 8)
    }

    @Test("shares by cost among sources of small units, each in turns of 256 KiB")
    func shares() {
        let part = Double(CommitQueue.turnCost) / Double(CommitQueue.groupCost)
        for number in 0..<512 { _ = put("a\(number)", groups: part / 8, source: 1) }
        for number in 0..<512 { _ = put("b\(number)", groups: part / 2, source: 2) }
        let group = takeGroup() ?? []
        #expect(
            Array(group.prefix(18)) == (0..<8).map { "a\($0)" } + ["b0", "b1"]
                + (8..<16).map { "a\($0)" })
        #expect(group.count { $0.hasPrefix("a") } == 4 * group.count { $0.hasPrefix("b") })
        #expect(group.count == 16 * 8 + 16 * 2)
    }

    @Test("takes the units of one source in order, whatever they cost")
    func order() {
        _ = put("large", groups: 2, source: 1)
        _ = put("small", source: 1)
        _ = put("middle", groups: 0.5, source: 1)
        #expect(takeGroup() == ["large"])
        #expect(takeGroup() == ["small"])
        #expect(takeGroup() == ["middle"])
    }

    @Test("charges nothing for a cancelled unit, and hands it out to be answered")
    func cancelled() {
        for number in 0..<20 {
            _ = put("\(number)", groups: 0.5, source: 1, isCancelled: number != 19)
        }
        #expect(takeGroup()?.count == 20)
    }

    @Test("keeps the limit of memory, but has room for a source with little in the queue")
    func memory() {
        let queue = CommitQueue(byteLimit: 1 << 20)
        // A unit that fills the queue.
        let large = unit("a", groups: 1 / 8, source: 1)
        #expect(large.weight < 1 << 20)
        #expect(large.weight > 1 << 20 - 2_048)
        #expect(queue.put(large) == .queued)
        #expect(queue.put(large) == .full)
        #expect(queue.put(unit("b", source: 2)) == .queued)
        #expect(names(queue.takeGroup(timeoutMilliseconds: 0)) == ["a", "b"])
        #expect(queue.put(large) == .queued)
    }

    @Test("accepts nothing after closing, hands out what waits, and then reports the end")
    func closing() {
        _ = put("a", source: 0)
        queue.close()
        #expect(put("b", source: 0) == .closed)
        #expect(takeGroup() == ["a"])
        #expect(takeGroup() == nil)
    }

    @Test(
        "hands out every unit once, those of a source in order",
        arguments: 0..<20 as Range<UInt64>)
    func model(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var expected: [Int: [String]] = [:]
        var taken: [Int: [String]] = [:]
        for number in 0..<400 {
            let source = Int.random(in: 0..<6, using: &random)
            let groups =
                Bool.random(using: &random) ? 0 : Double.random(in: 0..<1.5, using: &random)
            if queue.put(unit("\(number)", groups: groups, source: source)) == .queued {
                expected[source, default: []].append("\(number)")
            }
            guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
            take(into: &taken)
        }
        while !queue.isEmpty { take(into: &taken) }
        #expect(taken == expected)
    }

    private func take(into taken: inout [Int: [String]]) {
        let group = queue.takeGroup(timeoutMilliseconds: 0) ?? []
        #expect(!group.isEmpty || queue.isEmpty)
        #expect(group.count <= 1 || group.reduce(0) { $0 + $1.cost } <= CommitQueue.groupCost)
        for unit in group {
            taken[unit.source, default: []].append(
                String(decoding: unit.entries[0].key, as: UTF8.self))
        }
    }
}
