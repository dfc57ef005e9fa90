/// Shows that a tree begins with the leaves of an older one, unchanged (RFC 6962, section 2.1.2).
///
/// As with `InclusionProof`, the roots are proven, not the sizes that are claimed with them.
public struct ConsistencyProof: Hashable, Sendable {
    public var from: TreeSize
    public var to: TreeSize
    /// Lowest first. Empty if the trees are the same or the older one is empty.
    ///
    /// Starts with the last peak of the older tree, left out if that peak is the whole tree since
    /// the verifier has its root; then come the peak's siblings up to the root of the newer tree.
    public var path: [Digest]

    /// A proof from outside; anything may be in it.
    public init(from: TreeSize, to: TreeSize, path: [Digest]) {
        self.from = from
        self.to = to
        self.path = path
    }

    /// Makes the proof that the first `from` leaves of the tree of `to` leaves are those of the
    /// older tree.
    ///
    /// Asks `node` for complete nodes only: at most about 2 log2(to), the right edge of the newer
    /// tree included.
    ///
    /// - Parameters:
    ///   - from: the size of the older tree.
    ///   - to: the size of the newer tree.
    ///   - edge: the edge of the newer tree; without it, it is folded again.
    ///   - node: the digest of a node.
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

    /// Returns if the tree of root `newRoot` and size `to` begins with the tree of root
    /// `trustedRoot` and size `from`.
    ///
    /// Accepts paths of exactly the length that the sizes demand. The root of an empty tree must be
    /// `Digest.emptyTree`; every tree begins with it. Hashes at most two nodes for each of the
    /// path.
    ///
    /// - Throws: code `.treeShrank` if `from` is larger than `to`, `.malformedProof` for a path of
    ///   another length, `.consistencyFailed` if either root does not follow from the path.
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

    /// The roots of both trees as they follow from a path of the right length.
    private func rootsOfPath(trustedRoot: Digest, newRoot: Digest) -> (old: Digest, new: Digest) {
        guard let start = Self.start(of: from) else {
            return (.emptyTree, to.isEmpty ? .emptyTree : newRoot)
        }
        guard from < to else { return (newRoot, trustedRoot) }
        let shape = PathShape(from: start, in: to)
        var rest = path[...]
        // Without a peak in the path the old tree is one peak, and its root the first node.
        let first = from.isOnePeak ? trustedRoot : rest.removeFirst()
        var old = first
        var new = first
        for (step, sibling) in rest.enumerated() {
            // What stands on the left of the old tree's last peak is in both trees; what stands on
            // the right is newer.
            if shape.isLeft(step) {
                old = .node(sibling, old)
                new = .node(sibling, new)
            } else {
                new = .node(new, sibling)
            }
        }
        return (old, new)
    }

    private var expectedLength: Int {
        guard let start = Self.start(of: from), from < to else { return 0 }
        return PathShape(from: start, in: to).length + (from.isOnePeak ? 0 : 1)
    }

    /// The last peak of the older tree: the largest complete node that ends where the tree ends.
    private static func start(of size: TreeSize) -> NodePosition? { size.peaks.last }
}

extension TreeSize {
    /// Whether the tree is complete: a power of two.
    fileprivate var isOnePeak: Bool { rawValue.nonzeroBitCount == 1 }
}
