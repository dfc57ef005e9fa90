import ImmudbClient
import ImmudbVerification
import LyingServer
import MerkleTree
import Testing

@Suite("Trees that a client computes from the entries that it has written")
struct GrownTreesTests {
    private let ledger = TestLedger(count: 40)

    /// A ledger that has another entry than `ledger` at index 25.
    private let fork: TestLedger = {
        var fork = TestLedger(count: 25)
        fork.append(Array("another".utf8), Array("history".utf8))
        for number in 26..<40 { fork.append(Array("key\(number)".utf8), Array("value".utf8)) }
        return fork
    }()

    private func start(_ size: UInt64) -> MerkleAccumulator {
        var tree = MerkleAccumulator()
        for entry in ledger.entries.prefix(Int(size)) { tree.append(entry.leaf) }
        return tree
    }

    private func trees(_ indexes: some Sequence<Int>, of ledger: TestLedger) -> GrownTrees {
        var trees = GrownTrees()
        for index in indexes {
            trees.add(ledger.entries[index].leaf, at: EntryIndex(UInt64(index)))
        }
        return trees
    }

    private func root(_ size: UInt64, _ ledger: TestLedger? = nil) -> TrustedRoot {
        (ledger ?? self.ledger).root(of: TreeSize(size))
    }

    @Test("are of one history with the trusted one, whichever is larger")
    func allKnown() {
        let trees = trees(20..<40, of: ledger)
        let roots = Set((21...40).map { root($0) })
        for trusted: UInt64 in [20, 21, 30, 40] {
            let proven = trees.proven(roots, with: root(trusted), from: start(20))
            #expect(proven == roots.union([root(trusted)]))
        }
        // Smaller ones than the tree at the start cannot be computed.
        let later = trees.proven(roots, with: root(40), from: start(30))
        #expect(later == Set((30...40).map { root($0) }))
    }

    @Test("are not proven beyond an entry that is not known")
    func gap() {
        let trees = trees([20, 21, 22, 24, 25], of: ledger)
        let roots = Set((21...26).map { root($0) })
        #expect(
            trees.proven(roots, with: root(20), from: start(20))
                == Set((20...23).map { root($0) }))
        #expect(trees.proven(roots, with: root(25), from: start(20)).isEmpty)
    }

    @Test("are not proven if they are of another history, or the trusted one is")
    func otherHistory() {
        let trees = trees(20..<40, of: ledger)
        let roots: Set = [root(24), root(30), root(30, fork), root(31, fork), root(35)]
        #expect(
            trees.proven(roots, with: root(22), from: start(20))
                == [root(22), root(24), root(30), root(35)])
        #expect(trees.proven(roots, with: root(28, fork), from: start(20)).isEmpty)
        // With a leaf of each history, neither can be computed.
        var mixed = trees
        mixed.add(fork.entries[27].leaf, at: EntryIndex(27))
        #expect(
            mixed.proven(roots, with: root(22), from: start(20)) == [root(22), root(24)])
    }

    @Test("are forgotten if they are far behind")
    func pruning() {
        let size = UInt64(GrownTrees.maxLeafCount) + 100
        var trees = GrownTrees()
        var tree = MerkleAccumulator()
        var roots: [TrustedRoot] = []
        let leaf = ledger.entries[0].leaf
        var late = tree
        for index in 0..<size {
            trees.add(leaf, at: EntryIndex(index))
            tree.append(leaf)
            if index == size - 50 { late = tree }
            if index.isMultiple(of: 1_000) {
                roots.append(TrustedRoot(size: tree.size, root: tree.root))
            }
        }
        let newest = TrustedRoot(size: tree.size, root: tree.root)
        trees.prune(behind: tree.size)
        #expect(trees.proven(Set(roots), with: newest, from: MerkleAccumulator()).isEmpty)
        #expect(trees.proven([], with: newest, from: late) == [newest])
    }
}
