import ImmudbModel
import KeyIndex
import MerkleTree
import OwnThread
import StorageIO
import TestTools
import Testing

@Suite("Walks over sorted sets", .ownThread)
struct MemberWalkTests {
    private struct Member: Hashable {
        var set: [UInt8]
        var score: Double
        var member: [UInt8]

        var ledgerKey: [UInt8] {
            let bits = withUnsafeBytes(of: score.bitPattern.bigEndian) { Array($0) }
            return set + bits + member
        }

        func isBefore(_ other: Member) -> Bool {
            score == other.score ? member.isBefore(other.member) : score < other.score
        }
    }

    @Test(
        "return members of one set in the order of score and member, from their first entry on",
        arguments: 1...4 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        let folder = try ScratchFolder()
        var random = SplitMix64(seed: seed)
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        // Some names are prefixes of others, also with the first bytes of a score.
        let sets: [[UInt8]] = [
            [97], [97, 0], [97, 0, 1], [97, 63], [97, 0x3F, 0xF0], [255], [255, 255], [],
        ]
        let scores: [Double] = [
            0, -0.0, 1, -1, 0.5, -0.5, -2, .infinity, -.infinity, .leastNonzeroMagnitude, 1e300,
        ]
        let names: [[UInt8]] = [[1], [1, 0], [0], [255], [255, 255], [97], [98, 97]]
        var added: [Member] = []
        func draw() -> Member {
            Member(
                set: sets.randomElement(using: &random) ?? [],
                score: scores.randomElement(using: &random) ?? 0,
                member: names.randomElement(using: &random) ?? [])
        }
        for _ in 0..<60 {
            let batch = (0..<Int.random(in: 1...12, using: &random)).map { _ in draw() }
            let first = UInt64(added.count)
            try index.apply(
                batch.enumerated().map {
                    IndexedKey(
                        key: $1.ledgerKey,
                        address: .made(
                            first + UInt64($0), kind: EntryKind.sortedSetMember.rawValue),
                        memberLength: $1.member.count)
                })
            added += batch
            let probe = draw()
            let size = Int.random(in: 0...added.count, using: &random)
            let reverse = Bool.random(using: &random)
            let hasOffset = Bool.random(using: &random)
            // -0.0 and 0.0 are equal, also in the dictionary.
            var firsts: [Member: Int] = [:]
            for (place, member) in added[..<size].enumerated() where firsts[member] == nil {
                firsts[member] = place
            }
            let inOrder = firsts.filter { $0.key.set == probe.set }.sorted {
                $0.key.isBefore($1.key) != reverse
            }
            let expected = inOrder.filter {
                !hasOffset || (reverse ? $0.key.isBefore(probe) : probe.isBefore($0.key))
            }
            var walk = MemberWalk(
                of: probe.set, after: hasOffset ? (probe.score, probe.member) : nil,
                reverse: reverse)
            var found: [FoundMember] = []
            let limit = Int.random(in: 1...5, using: &random)
            while !walk.isAtEnd {
                let page = try index.nextMembers(
                    of: &walk, in: TreeSize(UInt64(size)), limit: limit)
                #expect(page.count <= limit)
                found += page
            }
            try #require(
                found.map(\.address.index.rawValue) == expected.map { UInt64($0.value) },
                "seed \(seed), size \(size)")
            #expect(found.map(\.member) == expected.map(\.key.member))
            #expect(found.map(\.score) == expected.map(\.key.score))
        }
        index.close()
        var walk = MemberWalk(of: [97])
        #expect(throws: StoreError(.closed, "")) {
            try index.nextMembers(of: &walk, in: TreeSize(1), limit: 1)
        }
    }
}
