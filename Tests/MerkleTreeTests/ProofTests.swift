import MerkleTree
import OwnThread
import TestTools
import Testing

@Suite("Proofs", .ownThread)
struct ProofTests {
    @Test("equal those of the recursive definition, with roots, for all trees to 300 leaves")
    func allSmallTrees() throws {
        let tree = SmallTree(count: 300)
        let naive = tree.naive
        for size in 0...300 {
            let root = tree.root(size)
            #expect(merkleRoot(of: TreeSize(UInt64(size)), node: tree.node) == root)
            for index in 0..<size {
                let proof = tree.inclusionProof(index, size)
                try #require(proof.path == naive.inclusion(UInt64(index), 0..<UInt64(size)))
                try proof.verify(leaf: tree.leaves[index], root: root)
            }
            for from in 0...size {
                let proof = tree.consistencyProof(from, size)
                try #require(proof.path == naive.consistency(UInt64(from), UInt64(size)))
                try proof.verify(from: tree.root(from), to: root)
            }
        }
    }

    @Test("prove every complete node above their leaf, and no other, for all trees to 130 leaves")
    func nodes() throws {
        let tree = SmallTree(count: 130)
        for size in 1...130 {
            let root = tree.root(size)
            for index in 0..<size {
                let proof = tree.inclusionProof(index, size)
                for level: UInt8 in 0...8 {
                    let position = NodePosition(level: level, index: UInt64(index) >> UInt64(level))
                    guard position.isComplete(in: TreeSize(UInt64(size))) else {
                        #expect(throws: VerificationError(.malformedProof, "")) {
                            try proof.verify(node: root, level: level, root: root)
                        }
                        continue
                    }
                    let node = tree.node(position)
                    try proof.verify(node: node, level: level, root: root)
                    #expect(throws: VerificationError(.inclusionFailed, "")) {
                        try proof.verify(node: .node(node, node), level: level, root: root)
                    }
                }
                var longer = proof
                longer.path.append(root)
                #expect(throws: VerificationError(.malformedProof, "")) {
                    try longer.verify(node: tree.leaves[index], level: 0, root: root)
                }
            }
        }
        var beyond = tree.inclusionProof(3, 130)
        beyond.index = EntryIndex(.max)
        #expect(throws: VerificationError(.malformedProof, "")) {
            try beyond.verify(node: tree.leaves[3], level: 62, root: tree.root(130))
        }
    }

    @Test(
        "contain the older tree, from which the newer ones can be computed, for all trees to 130 leaves"
    )
    func olderTrees() throws {
        let tree = SmallTree(count: 130)
        for to in 1...130 {
            for from in 1..<to {
                let proof = tree.consistencyProof(from, to)
                var older = try #require(proof.olderTree(root: tree.root(from)))
                #expect(older.size == TreeSize(UInt64(from)))
                for leaf in tree.leaves[from..<to] { older.append(leaf) }
                #expect(older.root == tree.root(to))
                #expect(proof.olderTree(root: tree.root(to)) == nil || from.nonzeroBitCount == 1)
                var longer = proof
                longer.path.append(tree.root(to))
                #expect(longer.olderTree(root: tree.root(from)) == nil)
                longer.path.removeLast(2)
                #expect(longer.olderTree(root: tree.root(from)) == nil)
            }
            #expect(tree.consistencyProof(to, to).olderTree(root: tree.root(to)) == nil)
            #expect(tree.consistencyProof(0, to).olderTree(root: .emptyTree) == nil)
        }
    }

    @Test("are the same with the tree's edge that was computed for the root")
    func foldedEdge() throws {
        let tree = SmallTree(count: 200)
        var accumulator = MerkleAccumulator()
        for (last, leaf) in tree.leaves.enumerated() {
            accumulator.append(leaf)
            let size = accumulator.size
            let edge = accumulator.edge
            try #require(edge.root == accumulator.root)
            for index in 0...last {
                let inclusion = InclusionProof(
                    of: EntryIndex(UInt64(index)), in: size, edge: edge, node: tree.node)
                try #require(inclusion == tree.inclusionProof(index, last + 1))
                let from = TreeSize(UInt64(index))
                let consistency = ConsistencyProof(
                    from: from, to: size, edge: edge, node: tree.node)
                try #require(consistency == tree.consistencyProof(index, last + 1))
            }
        }
        #expect(MerkleAccumulator().edge.root == .emptyTree)
    }

    @Test("ask only for complete nodes, which are in storage")
    func onlyCompleteNodes() {
        let tree = SmallTree(count: 130)
        for size in 1...130 {
            let treeSize = TreeSize(UInt64(size))
            func node(_ position: NodePosition) -> Digest {
                #expect(position.isComplete(in: treeSize))
                #expect(position.storageIndex < treeSize.nodeCount)
                return tree.node(position)
            }
            for index in stride(from: 0, to: size, by: 3) {
                _ = InclusionProof(of: EntryIndex(UInt64(index)), in: treeSize, node: node)
                _ = ConsistencyProof(from: TreeSize(UInt64(index)), to: treeSize, node: node)
            }
        }
    }

    @Test(
        "work for trees of up to 2^63 leaves as for small ones", arguments: [20_261_122 as UInt64])
    func hugeTrees(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let tree = UniformTree()
        let naive = tree.naive
        var sizes: [UInt64] = [
            1 << 63, 1 << 63 - 1, 1 << 62 + 1, 1 << 40, 1 << 40 - 1, 1 << 32 + 1,
        ]
        for _ in 0..<300 {
            let bits = UInt64.random(in: 32...63, using: &random)
            sizes.append(UInt64.random(in: 1...(1 << bits), using: &random))
        }
        for size in sizes {
            let root = naive.rootOfRange(0..<size)
            #expect(merkleRoot(of: TreeSize(size), node: tree.node) == root)
            let others = [0, size - 1, size / 2, .random(in: 0..<size, using: &random)]
            for other in others {
                let inclusion = InclusionProof(
                    of: EntryIndex(other), in: TreeSize(size), node: tree.node)
                try #require(inclusion.path == naive.inclusion(other, 0..<size), "seed \(seed)")
                #expect(inclusion.path.count <= 63)
                try inclusion.verify(leaf: tree.leaf, root: root)

                let from = Swift.max(1, other)
                let consistency = ConsistencyProof(
                    from: TreeSize(from), to: TreeSize(size), node: tree.node)
                try #require(consistency.path == naive.consistency(from, size), "seed \(seed)")
                try consistency.verify(from: naive.rootOfRange(0..<from), to: root)
            }
        }
    }

    @Test("throw a store's own error unchanged")
    func errorsPass() throws {
        struct Lost: Error, Equatable { var position: NodePosition }
        let missing = NodePosition(level: 1, index: 1)
        let tree = SmallTree(count: 7)
        func node(_ position: NodePosition) throws(Lost) -> Digest {
            if position == missing { throw Lost(position: position) }
            return tree.node(position)
        }
        #expect(throws: Lost(position: missing)) {
            try InclusionProof(of: EntryIndex(0), in: TreeSize(7), node: node)
        }
        #expect(throws: Lost(position: missing)) {
            try ConsistencyProof(from: TreeSize(2), to: TreeSize(7), node: node)
        }
    }

    @Test("have errors that state what was trusted and claimed, and for which entry")
    func errorDetails() throws {
        let tree = SmallTree(count: 8)
        let inclusion = tree.inclusionProof(3, 8)
        let inclusionError = try #require(throws: VerificationError.self) {
            try inclusion.verify(leaf: tree.leaves[2], root: tree.root(8))
        }
        #expect(inclusionError.code == .inclusionFailed)
        #expect(inclusionError.index == EntryIndex(3))
        #expect(inclusionError.newRoot == tree.root(8))
        #expect(inclusionError.description.contains("entry 3"))

        var consistency = tree.consistencyProof(3, 8)
        let consistencyError = try #require(throws: VerificationError.self) {
            try consistency.verify(from: tree.root(4), to: tree.root(8))
        }
        #expect(consistencyError.code == .consistencyFailed)
        #expect(consistencyError.trustedRoot == tree.root(4))
        #expect(consistencyError.newRoot == tree.root(8))
        #expect(consistencyError.trustedSize == TreeSize(3))
        #expect(consistencyError.description.contains(tree.root(4).hex))

        consistency.to = TreeSize(2)
        #expect(consistency.code(tree.root(3), tree.root(2)) == .treeShrank)
        #expect(throws: VerificationError(.malformedProof, "")) {
            try Digest.path(received: [[UInt8](repeating: 1, count: 32), [1, 2, 3]])
        }
        #expect(throws: VerificationError(.malformedProof, "")) {
            try Digest(received: [UInt8](repeating: 1, count: 33), as: "root")
        }
        let path = try Digest.path(received: tree.leaves.map(\.bytes))
        #expect(path == tree.leaves)
    }

    @Test("start every tree with the empty one, and the empty one only with its own root")
    func emptyTrees() {
        let tree = SmallTree(count: 3)
        let toThree = ConsistencyProof(from: TreeSize(0), to: TreeSize(3), path: [])
        #expect(toThree.code(.emptyTree, tree.root(3)) == nil)
        #expect(toThree.code(tree.root(1), tree.root(3)) == .consistencyFailed)
        let toItself = ConsistencyProof(from: TreeSize(0), to: TreeSize(0), path: [])
        #expect(toItself.code(.emptyTree, .emptyTree) == nil)
        #expect(toItself.code(.emptyTree, tree.root(1)) == .consistencyFailed)
        #expect(
            InclusionProof(index: EntryIndex(0), size: TreeSize(0), path: [])
                .code(leaf: .emptyTree, root: .emptyTree) == .malformedProof)
    }
}
