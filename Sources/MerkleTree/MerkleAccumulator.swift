/// The frontier of a growing tree: the peaks, with which the next leaf completes nodes.
///
/// Memory for 64 digests is allocated once; appending a leaf allocates nothing and hashes at most two nodes on average,
/// 63 at worst. A value type: a copy keeps the tree as it was.
public struct MerkleAccumulator: Sendable {
    public private(set) var size: TreeSize

    // The peak of level l is at position l. It is valid if bit l of the size is 1, and stale
    // otherwise.
    private var digestsByLevel: [Digest]

    /// Makes an empty tree.
    public init() {
        size = TreeSize(0)
        digestsByLevel = Array(repeating: .emptyTree, count: 64)
    }

    /// Makes a tree of `size` leaves.
    ///
    /// - Parameters:
    ///   - size: the number of leaves.
    ///   - peaks: the digests at `size.peaks`, in that order.
    /// - Precondition: there are as many digests as peaks.
    public init(size: TreeSize, peaks: some Collection<Digest>) {
        self.init()
        precondition(peaks.count == size.peaks.count, "\(peaks.count) peaks for \(size) leaves")
        self.size = size
        for (position, digest) in zip(size.peaks, peaks) {
            digestsByLevel[Int(position.level)] = digest
        }
    }

    /// The digests at `size.peaks`, left to right.
    public var peaks: [Digest] { size.peaks.map { digestsByLevel[Int($0.level)] } }

    /// Returns the digest at a position if it is one of `size.peaks`. Takes no search and no hash.
    public func peak(at position: NodePosition) -> Digest? {
        let index = size.rawValue >> UInt64(position.level)
        return index & 1 == 1 && position.index == index - 1
            ? digestsByLevel[Int(position.level)] : nil
    }

    /// The root over all leaves so far. Hashes one node less than there are peaks.
    public var root: Digest {
        merkleRoot(of: size) { digestsByLevel[Int($0.level)] }
    }

    /// The right edge. Costs as much as `root`, which it contains, and one array.
    public var edge: TreeEdge { TreeEdge(size: size, digestsByLevel: digestsByLevel) }

    /// Appends the leaf with index `size`.
    ///
    /// - Parameters:
    ///   - leaf: the entry's digest.
    ///   - completed: called with the leaf, then with each inner node that it completes, lowest first: the
    ///     order of `NodePosition.storageIndex`, without a gap between successive appends.
    /// - Precondition: there are fewer than 2^63 leaves.
    @inlinable
    public mutating func append(
        _ leaf: Digest, completed: (NodePosition, Digest) -> Void = { _, _ in }
    ) {
        let index = size.rawValue
        completed(NodePosition(level: 0, index: index), leaf)
        // Each trailing 1 of the index is a peak that lacks its right sibling.
        var digest = leaf
        let height = index.trailingOneBitCount
        for level in 0..<height {
            digest = parent(ofPeakAt: level, andRight: digest)
            completed(
                NodePosition(level: UInt8(level + 1), index: index >> UInt64(level + 1)), digest)
        }
        replacePeaks(upTo: height, by: digest)
    }

    @usableFromInline
    func parent(ofPeakAt level: Int, andRight digest: Digest) -> Digest {
        Digest.node(digestsByLevel[level], digest)
    }

    @usableFromInline
    mutating func replacePeaks(upTo level: Int, by digest: Digest) {
        digestsByLevel[level] = digest
        size = TreeSize(size.rawValue + 1)
    }
}

extension UInt64 {
    @usableFromInline
    var trailingOneBitCount: Int { (~self).trailingZeroBitCount }
}
