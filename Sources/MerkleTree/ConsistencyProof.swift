/// Proves that a tree begins with the leaves of an older one, unchanged (RFC 6962, section 2.1.2).
///
/// As with `InclusionProof`, it proves the roots, not the sizes that are claimed with them.
public struct ConsistencyProof: Hashable, Sendable {
    public var from: TreeSize
    public var to: TreeSize
    /// The nodes of the proof, lowest first. Empty if the trees are the same or the older one is empty.
    ///
    /// Begins with the last peak of the older tree, unless that peak is the whole tree, since the verifier has its
    /// root; the siblings of the peak follow, up to the root of the newer tree.
    public var path: [Digest]

    /// Makes a proof that was received; it may be anything.
    public init(from: TreeSize, to: TreeSize, path: [Digest]) {
        self.from = from
        self.to = to
        self.path = path
    }

    /// Makes the proof that the first `from` leaves of the tree of `to` leaves are those of the older tree.
    ///
    /// Calls `node` only for complete nodes: at most about 2 log2(to), including the right edge of the newer tree.
    ///
    /// - Parameters:
    ///   - from: the size of the older tree.
    ///   - to: the size of the newer tree.
    ///   - edge: the edge of the newer tree; if nil, it is computed from the peaks.
    ///   - node: returns the digest of a node.
    /// - Precondition: `from` is not larger than `to`.
    public init<Failure: Error>(
        from: TreeSize, to: TreeSize, edge: TreeEdge? = nil,
        node: (NodePosition) throws(Failure) -> Digest
    ) throws(Failure) {
        precondition(from <= to, "a tree of \(to) does not contain one of \(from)")
        self.init(from: from, to: to, path: [])
        guard let start = Self.start(of: from), from < to else { return }
        if !from.isOnePeak { path.append(try node(start)) }
        path += try siblings(of: start, in: to, edge: edge, node: node)
    }

    /// Returns if the tree of root `newRoot` and size `to` begins with the tree of root `trustedRoot` and size `from`.
    ///
    /// Accepts only paths of exactly the length that the sizes require. The root of an empty tree must be
    /// `Digest.emptyTree`; every tree begins with it. Hashes at most two nodes for each node of the path.
    ///
    /// - Throws: code `.treeShrank` if `from` is larger than `to`, `.malformedProof` for a path of another length,
    ///   `.consistencyFailed` if either root does not follow from the path.
    public func verify(
        from trustedRoot: Digest, to newRoot: Digest
    ) throws(VerificationError) {
        func error(_ code: VerificationError.Code, _ message: String) -> VerificationError {
            VerificationError(
                code, message, trustedRoot: trustedRoot, trustedSize: from, newRoot: newRoot,
                newSize: to, path: path)
        }
        guard from <= to else {
            throw error(.treeShrank, "the tree shrank from \(from) entries to \(to)")
        }
        guard path.count == expectedLength else {
            throw error(
                .malformedProof,
                "the consistency proof has \(path.count) nodes instead of \(expectedLength)")
        }
        let roots = rootsOfPath(trustedRoot: trustedRoot, newRoot: newRoot)
        guard roots.old == trustedRoot, roots.new == newRoot else {
            throw error(
                .consistencyFailed, "the new tree does not contain the trusted one unchanged")
        }
    }

    /// Computes the roots of both trees from a path of the right length.
    private func rootsOfPath(trustedRoot: Digest, newRoot: Digest) -> (old: Digest, new: Digest) {
        guard let start = Self.start(of: from) else {
            return (.emptyTree, to.isEmpty ? .emptyTree : newRoot)
        }
        guard from < to else { return (newRoot, trustedRoot) }
        let shape = PathShape(from: start, in: to)
        var rest = path[...]
        // Without a peak in the path, the old tree is a single peak, and its root is the first node.
        let first = from.isOnePeak ? trustedRoot : rest.removeFirst()
        var old = first
        var new = first
        for (step, sibling) in rest.enumerated() {
            // A sibling to the left of the old tree's last peak is in both trees; one to the right is only in the newer
            // tree.
            if shape.isLeft(step) {
                old = .node(sibling, old)
                new = .node(sibling, new)
            } else {
                new = .node(new, sibling)
            }
        }
        return (old, new)
    }

    /// Returns the older tree's peaks, which every proof contains, left to right: with them and the leaves that follow, a
    /// verifier computes the root of each later tree itself.
    ///
    /// - Parameter trustedRoot: the root of the older tree.
    /// - Returns: nil if the path has another length than the sizes require, the trees are of one size, or the older one is
    ///   not a tree of these peaks.
    public func olderTree(root trustedRoot: Digest) -> MerkleAccumulator? {
        guard let start = Self.start(of: from), from < to, path.count == expectedLength else {
            return nil
        }
        let shape = PathShape(from: start, in: to)
        var rest = path[...]
        var peaks = [from.isOnePeak ? trustedRoot : rest.removeFirst()]
        for (step, sibling) in rest.enumerated() where shape.isLeft(step) { peaks.append(sibling) }
        // The siblings on the left are the other peaks, from the right one on.
        let tree = MerkleAccumulator(size: from, peaks: peaks.reversed())
        return tree.root == trustedRoot ? tree : nil
    }

    private var expectedLength: Int {
        guard let start = Self.start(of: from), from < to else { return 0 }
        return PathShape(from: start, in: to).length + (from.isOnePeak ? 0 : 1)
    }

    /// Returns the last peak of the older tree: the largest complete node that ends where the tree ends.
    private static func start(of size: TreeSize) -> NodePosition? { size.peaks.last }
}

extension TreeSize {
    /// Whether the tree is complete: its size is a power of two.
    fileprivate var isOnePeak: Bool { rawValue.nonzeroBitCount == 1 }
}
