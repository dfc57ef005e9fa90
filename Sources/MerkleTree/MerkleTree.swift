// The Merkle tree of the ledger: digests, the arithmetic of its shape, proofs and their
// verification.
//
// Read in this order: `Digest` (what is hashed), `EntryIndex` and `TreeSize` (numbers of entries),
// `NodePosition` (the position of a node in the tree and in storage), `MerkleAccumulator` (a growing
// tree), `InclusionProof` and `ConsistencyProof`, and `VerificationError` for proofs that do not hold.
//
// The shape, the proofs and their order are those of RFC 6962, section 2.1; the record behind a
// leaf is `index ‖ key length ‖ key ‖ value`. The module stores no tree: the code that stores the
// digests of *complete* nodes passes a function from positions to digests. Everything else, such as
// the incomplete right edge, is computed from these.
//
// It imports nothing but SHA-256, so that client, gateway, server and tools share one verifier.

/// Computes the root over the first `size` leaves.
///
/// Calls `node` only for the peaks of `size`, right to left: at most 63 of them, each a complete node, and computes one
/// node digest less than that. The root of an empty tree is `Digest.emptyTree`.
public func merkleRoot<Failure: Error>(
    of size: TreeSize, node: (NodePosition) throws(Failure) -> Digest
) throws(Failure) -> Digest {
    try foldPeaks(of: size, offset: 0, node: node) ?? .emptyTree
}

/// Computes the digest over leaves `offset ..< offset + size`, where `offset` is a multiple of a power of two that is
/// not smaller than `size`, so that the peaks of `size` are complete nodes after being moved by `offset`.
///
/// Combines the peaks from the right: the two smallest subtrees are joined first.
func foldPeaks<Failure: Error>(
    of size: TreeSize, offset: UInt64, node: (NodePosition) throws(Failure) -> Digest
) throws(Failure) -> Digest? {
    var result: Digest?
    for peak in size.peaks.reversed() {
        let moved = NodePosition(
            level: peak.level, index: peak.index + offset >> UInt64(peak.level))
        let digest = try node(moved)
        result = result.map { Digest.node(digest, $0) } ?? digest
    }
    return result
}

/// Returns the siblings that lead from `start`, a complete node, to the root of a tree of `size` leaves, lowest first.
///
/// The path has two parts. While the ancestors of `start` and of the last leaf differ, each level has a sibling on
/// either side; one on the right may be the incomplete edge of the tree, and is computed from its peaks. Once the
/// ancestors are the same, only siblings on the left remain, one for each 1 in the ancestor's index. Levels without one
/// are skipped, since RFC 6962 gives a single subtree no parent of its own.
///
/// - Parameter edge: the edge of the tree, if the caller has it.
func siblings<Failure: Error>(
    of start: NodePosition, in size: TreeSize, edge: TreeEdge? = nil,
    node: (NodePosition) throws(Failure) -> Digest
) throws(Failure) -> [Digest] {
    let shape = PathShape(from: start, in: size)
    var path: [Digest] = []
    path.reserveCapacity(shape.length + 1)
    var ancestor = start
    for _ in 0..<shape.sharedFrom {
        let sibling = ancestor.sibling
        if sibling.isComplete(in: size) {
            path.append(try node(sibling))
        } else if let digest = edge?.digest(below: sibling.level) {
            path.append(digest)
        } else {
            let edge = TreeSize(size.rawValue - sibling.firstLeaf.rawValue)
            let digest = try foldPeaks(
                of: edge, offset: sibling.firstLeaf.rawValue, node: node)
            guard let digest else { preconditionFailure("sibling \(sibling) beyond \(size)") }
            path.append(digest)
        }
        ancestor = ancestor.parent
    }
    var remaining = ancestor.index
    var level = ancestor.level
    while remaining != 0 {
        if remaining & 1 == 1 {
            path.append(try node(NodePosition(level: level, index: remaining - 1)))
        }
        remaining >>= 1
        level += 1
    }
    return path
}

/// The length of a path from a complete node to the root, and the sides of its siblings: a verifier knows these without
/// trusting the prover.
struct PathShape {
    /// The index of the start within its level.
    var index: UInt64
    /// How many levels up the ancestors of the start and of the last leaf become the same node.
    var sharedFrom: Int
    var length: Int

    /// - Precondition: the start is within the tree.
    init(from start: NodePosition, in size: TreeSize) {
        let last = (size.rawValue - 1) >> UInt64(start.level)
        precondition(start.index <= last)
        index = start.index
        sharedFrom = UInt64.bitWidth - (start.index ^ last).leadingZeroBitCount
        length = sharedFrom + (start.index >> UInt64(sharedFrom)).nonzeroBitCount
    }

    /// Returns whether the sibling at position `step` of the path is on the left.
    func isLeft(_ step: Int) -> Bool {
        step >= sharedFrom || index >> UInt64(step) & 1 == 1
    }
}
