import MerkleTree
import OwnThread
import Testing

@Suite("Vectors of the specification", .ownThread)
struct VectorTests {
    let vectors: Vectors

    init() throws {
        vectors = try Vectors.load()
    }

    @Test("have the leaf digests of the original server")
    func leafDigests() throws {
        #expect(vectors.leafDigests.count == 8)
        for vector in vectors.leafDigests {
            let index = EntryIndex(try #require(UInt64(vector.index)))
            let leaf = Digest.leaf(
                index: index, key: try bytes(vector.keyHex), value: try bytes(vector.valueHex))
            #expect(leaf.hex == vector.digest)
        }
    }

    @Test("have the leaves, roots and proofs of both trees")
    func trees() throws {
        for (tree, count) in [(vectors.treePlain, 9), (vectors.treeRecorded, 10)] {
            #expect(tree.items.count == count)
            #expect(tree.inclusion.count == count * (count + 1) / 2)
            #expect(tree.consistency.count == count * (count + 1) / 2)
            var accumulator = MerkleAccumulator()
            var storage: [Digest] = []
            #expect(tree.roots.first?.root == accumulator.root.hex)
            for (item, root) in zip(tree.items, tree.roots.dropFirst()) {
                let leaf = Digest.leaf(
                    index: EntryIndex(item.index), key: try bytes(item.keyHex),
                    value: try bytes(item.valueHex))
                #expect(leaf.hex == item.leaf)
                accumulator.append(leaf) { storage.append($1) }
                #expect(accumulator.size.rawValue == root.width)
                #expect(accumulator.root.hex == root.root)
            }
            try checkProofs(of: tree) { storage[Int($0.storageIndex)] }
        }
    }

    private func checkProofs(of tree: Vectors.Tree, node: (NodePosition) -> Digest) throws {
        for vector in tree.inclusion {
            let size = TreeSize(lastIndex: EntryIndex(vector.at))
            let proof = InclusionProof(of: EntryIndex(vector.index), in: size, node: node)
            #expect(proof.path.map(\.hex) == vector.path)
            try proof.verify(leaf: digest(vector.leaf), root: digest(vector.root))
            #expect(merkleRoot(of: size, node: node).hex == vector.root)
        }
        for vector in tree.consistency {
            let proof = ConsistencyProof(
                from: TreeSize(lastIndex: EntryIndex(vector.first)),
                to: TreeSize(lastIndex: EntryIndex(vector.second)), node: node)
            #expect(proof.path.map(\.hex) == vector.path)
            try proof.verify(from: digest(vector.firstRoot), to: digest(vector.secondRoot))
        }
    }

    @Test("are rejected in every case that the specification tells a verifier to reject")
    func mustReject() throws {
        let leaves = try vectors.treePlain.items.map { try digest($0.leaf) }
        let roots = try vectors.treePlain.roots.map { try digest($0.root) }
        func inclusion(_ path: [Digest], at last: UInt64, _ index: UInt64) -> Bool {
            InclusionProof(
                index: EntryIndex(index), size: TreeSize(lastIndex: EntryIndex(last)), path: path
            ).code(leaf: leaves[4], root: roots[9]) == nil
        }
        func consistency(
            _ path: [Digest], _ second: UInt64, _ first: UInt64, _ new: Int, _ old: Int
        ) -> Bool {
            ConsistencyProof(
                from: TreeSize(lastIndex: EntryIndex(first)),
                to: TreeSize(lastIndex: EntryIndex(second)), path: path
            ).code(roots[old], roots[new]) == nil
        }
        let path = try #require(vectors.treePlain.inclusion.first { $0.at == 8 && $0.index == 4 })
            .path.map { try digest($0) }
        let twoToSix = try #require(
            vectors.treePlain.consistency.first { $0.first == 2 && $0.second == 6 }
        ).path.map { try digest($0) }
        #expect(inclusion(path, at: 8, 4))
        #expect(consistency(twoToSix, 6, 2, 7, 3))
        let accepted: [String: Bool] = [
            "inclusion: index greater than at": inclusion(path, at: 3, 4),
            "inclusion: empty path with at > 0": inclusion([], at: 8, 4),
            "inclusion: path one node short": inclusion(Array(path.dropLast()), at: 8, 4),
            "inclusion: path one node long": inclusion(path + [leaves[0]], at: 8, 4),
            "inclusion: wrong index": inclusion(path, at: 8, 5),
            "inclusion: path reversed": inclusion(path.reversed(), at: 8, 4),
            "consistency: first > second": consistency(twoToSix, 2, 6, 3, 7),
            "consistency: equal indexes, different roots": consistency([], 6, 6, 7, 6),
            "consistency: equal indexes with a path": consistency([leaves[0]], 6, 6, 7, 7),
            "consistency: empty path, first < second": consistency([], 6, 2, 7, 3),
            "consistency: path of another pair": consistency(twoToSix, 7, 2, 8, 3),
        ]
        #expect(accepted.keys.sorted() == vectors.mustReject.sorted())
        for (name, isAccepted) in accepted { #expect(!isAccepted, "\(name)") }
    }
}
