/// The right edge of a tree: for each peak, the digest over its leaves and all leaves to its right.
///
/// Most proofs of a tree contain one of these digests. They are not complete nodes, so they would have to be computed
/// from the peaks for each proof. Computing the root computes all of them.
public struct TreeEdge: Sendable {
    public let root: Digest
    private let size: TreeSize
    // At position n the digest over the n + 1 lowest peaks.
    private let folded: [Digest]

    init(size: TreeSize, digestsByLevel: [Digest]) {
        self.size = size
        var folded: [Digest] = []
        var peaks = size.rawValue
        folded.reserveCapacity(peaks.nonzeroBitCount)
        while peaks != 0 {
            let peak = digestsByLevel[peaks.trailingZeroBitCount]
            folded.append(folded.last.map { .node(peak, $0) } ?? peak)
            peaks &= peaks - 1
        }
        self.folded = folded
        root = folded.last ?? .emptyTree
    }

    /// Returns the digest over the peaks below a level, which are the tree's last leaves; nil if there are none.
    func digest(below level: UInt8) -> Digest? {
        let lower = size.rawValue & ((1 << UInt64(level)) - 1)
        return lower == 0 ? nil : folded[lower.nonzeroBitCount - 1]
    }
}
