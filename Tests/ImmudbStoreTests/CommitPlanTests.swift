import KeyIndex
import Ledger
import MerkleTree
import StorageIO
import TestTools
import Testing

@testable import ImmudbStore

/// The plan of a group: a function of its units, the tree before them, and the position in the
/// ledger.
@Suite("The plan of a commit")
struct CommitPlanTests {
    private static func units(_ random: inout SplitMix64) -> [CommitUnit] {
        (0..<random.next(below: 5) + 1).map { _ in
            let entries = (0..<random.next(below: 40) + 1).map { _ in
                NewEntry(
                    kind: [.value, .reference, .sortedSetMember][random.next(below: 3)],
                    key: bytes(random.next(below: 40) + 1, &random),
                    value: bytes(random.next(below: 200), &random))
            }
            return CommitUnit(entries: entries, completion: { _ in })
        }
    }

    private static func bytes(_ count: Int, _ random: inout SplitMix64) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    private static func tree(of size: Int, _ random: inout SplitMix64) -> MerkleAccumulator {
        var tree = MerkleAccumulator()
        for _ in 0..<size { tree.append(Digest(bytes(32, &random))!) }
        return tree
    }

    @Test("gives indexes, leaves, nodes and records for any tree and position", arguments: 0..<30)
    func anyPosition(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let units = Self.units(&random)
        for size in [0, random.next(below: 200), 31, 64] {
            let tree = Self.tree(of: size, &random)
            let position = EntryPosition(
                segment: UInt32(random.next(below: 9)),
                offset: UInt32(random.next(below: 1 << 20)))
            let plan = CommitPlan(units, after: tree, at: position, in: FrameBuffer())

            var expected = tree
            var digests: [Digest] = []
            var upperNodes: [NodePosition: Digest] = [:]
            var offset = position.offset
            for (number, entry) in units.flatMap(\.entries).enumerated() {
                let index = EntryIndex(UInt64(size + number))
                expected.append(.leaf(index: index, key: entry.key, value: entry.value)) {
                    digests.append($1)
                    if $0.level >= 5 { upperNodes[$0] = $1 }
                }
                let byteCount = EntryHeader.byteCount + entry.key.count + entry.value.count
                let planned = plan.keys[number]
                #expect(planned.key == entry.key)
                #expect(planned.address.index == index)
                #expect(planned.address.kind == entry.kind.rawValue)
                #expect(
                    EntryPosition(packed: planned.address.position)
                        == EntryPosition(segment: position.segment, offset: offset))
                #expect(planned.address.length == UInt32(byteCount))
                #expect(
                    planned.memberLength
                        == (entry.kind == .sortedSetMember ? entry.value.count : 0))
                #expect(
                    plan.addition.positions[number].littleEndian
                        == UInt64(position.segment) << 32 | UInt64(offset))
                offset += UInt32(byteCount)
            }
            #expect(plan.before == tree.size)
            #expect(plan.tree.size == expected.size)
            #expect(plan.tree.peaks == expected.peaks)
            #expect(plan.edge.root == expected.root)
            #expect(plan.addition.digests == digests)
            var found: [NodePosition: Digest] = [:]
            plan.addition.forEachNode(from: plan.before, level: 5) { found[$0] = $1 }
            #expect(found == upperNodes)
            #expect(Int(offset - position.offset) + 32 == FrameSize(units).payloadByteCount)
        }
    }

    @Test("makes a frame of any ledger from the same units", arguments: 0..<10)
    func anyLedger(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let units = Self.units(&random)
        let frame = FrameBuffer()
        for earlier in 0..<3 {
            let folder = TemporaryFolder()
            var options = Ledger.Options()
            options.segmentByteCount = 16 << 10
            let ledger = try Ledger(directory: folder.path, options: options)
            var tree = MerkleAccumulator()
            for group in (0..<earlier).map({ _ in Self.units(&random) }) + [units] {
                let position = try ledger.prepareFrame(
                    payloadByteCount: FrameSize(group).payloadByteCount)
                // A plan for another position, of a server that was not quick enough, leaves no
                // trace.
                _ = CommitPlan(
                    group, after: MerkleAccumulator(), at: EntryPosition(segment: 7, offset: 1),
                    in: frame)
                let plan = CommitPlan(group, after: tree, at: position, in: frame)
                try ledger.append(plan.frame)
                try ledger.synchronize()
                tree = plan.tree
                #expect(ledger.size == tree.size)
                #expect(ledger.root == tree.root)
                var ends: [Bool] = []
                for (key, entry) in zip(plan.keys, group.flatMap(\.entries)) {
                    let read = try ledger.readEntry(
                        key.address.index, at: EntryPosition(packed: key.address.position),
                        byteCount: Int(key.address.length))
                    #expect(read.key == entry.key)
                    #expect(read.value == entry.value)
                    #expect(read.kind == entry.kind.rawValue)
                    ends.append(read.isEndOfBatch)
                }
                #expect(ends == group.flatMap { $0.entries.indices.reversed().map { $0 == 0 } })
            }
            try ledger.close()
            let again = try Ledger(directory: folder.path, options: options)
            #expect(again.root == tree.root)
        }
    }
}
