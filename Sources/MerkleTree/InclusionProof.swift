/// The audit path from a leaf to a root: proves that an entry is in a tree, at an index (RFC 6962, section 2.1.1).
///
/// It does not prove the tree's size. A root does not contain the size, and a path fits every size in which it turns
/// left and right at the same levels; for index 0 these are sizes 5 to 8, for example. Trust a size only together with
/// the root that it came with.
public struct InclusionProof: Hashable, Sendable {
    public var index: EntryIndex
    public var size: TreeSize
    /// The siblings of the leaf and its ancestors, lowest first. At most 63.
    public var path: [Digest]

    /// Makes a proof that was received; it may be anything.
    public init(index: EntryIndex, size: TreeSize, path: [Digest]) {
        self.index = index
        self.size = size
        self.path = path
    }

    /// Makes the proof for the leaf at `index` in the tree of the first `size` leaves.
    ///
    /// Calls `node` only for complete nodes: at most about 2 log2(size), including the right edge of the tree.
    ///
    /// - Parameters:
    ///   - index: the index of the leaf.
    ///   - size: the size of the tree.
    ///   - edge: the edge of the tree of `size` leaves; if nil, it is computed from the peaks.
    ///   - node: returns the digest of a node.
    /// - Precondition: the tree contains the index.
    public init<Failure: Error>(
        of index: EntryIndex, in size: TreeSize, edge: TreeEdge? = nil,
        node: (NodePosition) throws(Failure) -> Digest
    ) throws(Failure) {
        precondition(size.contains(index), "no entry \(index) in a tree of \(size)")
        self.init(
            index: index, size: size,
            path: try siblings(of: NodePosition(leaf: index), in: size, edge: edge, node: node))
    }

    /// Returns if the path leads from `leaf` at `index` to `root`, in a tree of `size` leaves.
    ///
    /// Accepts only paths of exactly the length that index and size require (docs/protocol.md, rules I1 to I5); the
    /// original also accepts longer ones, under a root of the prover's choice. Hashes one node for each node of the
    /// path.
    ///
    /// - Throws: code `.malformedProof` for an index beyond the tree or a path of another length, `.inclusionFailed` if
    ///   the path does not lead to `root`.
    public func verify(leaf: Digest, root: Digest) throws(VerificationError) {
        guard size.contains(index) else {
            throw error(.malformedProof, "the index is beyond a tree of \(size) entries", root)
        }
        let shape = PathShape(from: NodePosition(leaf: index), in: size)
        guard path.count == shape.length else {
            throw error(
                .malformedProof,
                "the inclusion proof has \(path.count) nodes instead of \(shape.length)", root)
        }
        try verify(leaf, from: 0, shape, root)
    }

    /// Returns if the rest of the path leads from a complete node above the leaf to `root`: all leaves below that node
    /// are then in the tree, each at its index. One proof serves for all of them.
    ///
    /// - Parameters:
    ///   - node: the digest of the node, computed from all its leaves.
    ///   - level: its level, 0 for the leaf itself.
    ///   - root: the root of the tree.
    /// - Throws: as ``verify(leaf:root:)``; code `.malformedProof` also if the tree does not have the whole node.
    public func verify(
        node: Digest, level: UInt8, root: Digest
    ) throws(VerificationError) {
        guard level < 63, size.contains(index),
            ((index.rawValue >> UInt64(level)) + 1) << UInt64(level) <= size.rawValue
        else {
            throw error(.malformedProof, "the subtree is beyond a tree of \(size) entries", root)
        }
        let shape = PathShape(from: NodePosition(leaf: index), in: size)
        guard path.count == shape.length else {
            throw error(
                .malformedProof,
                "the inclusion proof has \(path.count) nodes instead of \(shape.length)", root)
        }
        // Below a complete node each level has one sibling.
        try verify(node, from: Int(level), shape, root)
    }

    private func verify(
        _ node: Digest, from level: Int, _ shape: PathShape, _ root: Digest
    ) throws(VerificationError) {
        var digest = node
        for (step, sibling) in path.enumerated().dropFirst(level) {
            digest = shape.isLeft(step) ? .node(sibling, digest) : .node(digest, sibling)
        }
        guard digest == root else {
            throw error(.inclusionFailed, "the entry is not in the tree of this root", root)
        }
    }

    private func error(
        _ code: VerificationError.Code, _ message: String, _ root: Digest
    ) -> VerificationError {
        VerificationError(
            code, message, newRoot: root, newSize: size, index: index, path: path)
    }
}
