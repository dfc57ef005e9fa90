import Testing

@testable import ImmudbStore

@Suite("The order of the self-check's blocks")
struct BlockOrderTests {
    @Test(
        "has each block once, whatever the count and the seed",
        arguments: Array(1...130) + [1023, 1024, 1025, 4097, 65_537])
    func permutation(count: Int) {
        for seed in [0, 1, 0xFEED_F00D_1234_5678] as [UInt64] {
            let order = BlockOrder(count: UInt64(count), seed: seed)
            let blocks = (0..<UInt64(count)).map { order[$0] }
            #expect(blocks.sorted() == Array(0..<UInt64(count)), "\(count) blocks, seed \(seed)")
        }
    }

    @Test("is the same after a restart, and another one for another seed")
    func seeds() {
        let blocks = { (seed: UInt64) in
            let order = BlockOrder(count: 1000, seed: seed)
            return (0..<1000).map { order[$0] }
        }
        #expect(blocks(7) == blocks(7))
        #expect(blocks(7) != blocks(8))
        #expect(blocks(7) != Array(0..<1000))
    }

    @Test("spreads: the first hundred of 10,000 blocks come from everywhere")
    func spread() {
        let order = BlockOrder(count: 10_000, seed: 42)
        let tenths = Set((0..<100).map { order[$0] / 1000 })
        #expect(tenths.count == 10)
    }

    @Test("has no limit that a database reaches")
    func large() {
        let count: UInt64 = 1 << 53
        let order = BlockOrder(count: count, seed: 3)
        let places = (0..<100).map { $0 * (count / 100) }
        let blocks = places.map { order[$0] }
        #expect(blocks.allSatisfy { $0 < count })
        #expect(Set(blocks).count == blocks.count)
    }
}
