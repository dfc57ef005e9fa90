import MerkleTree
import StorageIO

/// Makes the proofs of one tree from the tree files. Each digest of a proof is checked, see ``TreeView``.
struct TreeProver {
    private let tree: MerkleAccumulator
    private let edge: TreeEdge?
    private let view: TreeView

    /// - Parameter edge: the edge of `tree`, if the caller has it: saves computing it.
    init(_ tree: MerkleAccumulator, edge: TreeEdge? = nil, view: TreeView) {
        self.tree = tree
        self.edge = edge
        self.view = view
    }

    /// Returns the checked leaf of an entry, with its proof.
    func inclusionProof(
        of index: EntryIndex
    ) throws(StoreError) -> (leaf: Digest, proof: InclusionProof) {
        let path = try TreePath(of: index, in: tree, view: view)
        let proof = try InclusionProof(of: index, in: tree.size, edge: edge) {
            position throws(StoreError) in try node(at: position, path)
        }
        return (path.leaf, proof)
    }

    /// Returns the proof that the tree of the first `from` entries is the beginning of this one.
    func consistencyProof(from: TreeSize) throws(StoreError) -> ConsistencyProof {
        guard let last = from.lastIndex, from < tree.size else {
            return ConsistencyProof(from: from, to: tree.size, path: [])
        }
        let path = try TreePath(of: last, in: tree, view: view)
        return try ConsistencyProof(from: from, to: tree.size, edge: edge) {
            position throws(StoreError) in try node(at: position, path)
        }
    }

    private func node(at position: NodePosition, _ path: TreePath) throws(StoreError) -> Digest {
        if let digest = path.digest(at: position) ?? tree.peak(at: position) { return digest }
        if position.level >= TreeView.blockLevel {
            return try view.upperNode(at: position, in: tree)
        }
        // A proof only asks for peaks and for the siblings of one path; this is for completeness.
        let own = try TreePath(of: position.firstLeaf, in: tree, view: view)
        guard let digest = own.digest(at: position) else { throw view.mismatch(at: position) }
        return digest
    }
}
