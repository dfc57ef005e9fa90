import MerkleTree
import StorageIO

/// The checked digests that a proof needs: those on the path from one leaf to the peak above it, and their siblings.
///
/// The lower five levels come from the leaf's block and are hashed up to a known digest. The siblings above come from
/// the cache of known digests, in a single look-up, so that the processor waits for memory once.
struct TreePath {
    private let leafIndex: EntryIndex
    /// The number of levels in the block, from the leaf up to the known digest.
    private let blockHeight: UInt8
    /// The digests on the path within the block, the known one included, by level.
    private var nodes: [Digest] = []
    /// The siblings on the path, by level, up to the peak.
    private var siblings: [Digest] = []

    var leaf: Digest { nodes[0] }

    /// - Complexity: one read of at most 2,016 bytes, at most five hashes, and two reads for each
    ///   digest above the block that is not in the cache.
    init(of leafIndex: EntryIndex, in tree: MerkleAccumulator, view: TreeView) throws(StoreError) {
        self.leafIndex = leafIndex
        let height = Self.peakLevel(above: leafIndex, in: tree.size)
        blockHeight = min(height, TreeView.blockLevel)
        siblings.reserveCapacity(Int(height))
        try readBlock(tree, view)
        if height > TreeView.blockLevel { try lookUpSiblings(to: height, tree, view) }
    }

    /// Returns a checked digest if the position is on the path within the block, or is a sibling of the path.
    func digest(at position: NodePosition) -> Digest? {
        let own = leafIndex.rawValue >> UInt64(position.level)
        if position.index == own {
            return position.level <= blockHeight ? nodes[Int(position.level)] : nil
        }
        return position.index == own ^ 1 && position.level < siblings.count
            ? siblings[Int(position.level)] : nil
    }

    private mutating func readBlock(_ tree: MerkleAccumulator, _ view: TreeView) throws(StoreError)
    {
        let first = leafIndex.rawValue & ~(TreeView.blockLeafCount - 1)
        let leafCount = min(TreeView.blockLeafCount, tree.size.rawValue - first)
        let top = NodePosition(
            level: blockHeight, index: leafIndex.rawValue >> UInt64(blockHeight))
        let known = try view.upperNode(at: top, in: tree)
        nodes.reserveCapacity(Int(blockHeight) + 1)
        var path = self
        let local = leafIndex.rawValue - first
        try withUnsafeTemporaryAllocation(
            byteCount: Int(TreeSize(leafCount).nodeCount) * Digest.byteCount, alignment: 8
        ) { block in
            Result { () throws(StoreError) -> Void in
                try view.digests.read(into: block, from: TreeSize(first).nodeCount)
                path.climb(UnsafeRawBufferPointer(block), from: local)
            }
        }.get()
        self = path
        guard nodes[Int(blockHeight)] == known else {
            throw view.mismatch(at: NodePosition(leaf: leafIndex))
        }
    }

    /// Hashes the path upwards. The order within a block is that of a separate tree.
    private mutating func climb(_ block: UnsafeRawBufferPointer, from local: UInt64) {
        func digest(at position: NodePosition) -> Digest {
            Digest(loadingFrom: block.baseAddress! + Int(position.storageIndex) * Digest.byteCount)
        }
        var position = NodePosition(level: 0, index: local)
        var node = digest(at: position)
        nodes.append(node)
        while position.level < blockHeight {
            let sibling = digest(at: position.sibling)
            siblings.append(sibling)
            node = position.index & 1 == 0 ? .node(node, sibling) : .node(sibling, node)
            nodes.append(node)
            position = position.parent
        }
    }

    private mutating func lookUpSiblings(
        to height: UInt8, _ tree: MerkleAccumulator, _ view: TreeView
    ) throws(StoreError) {
        let positions = (TreeView.blockLevel..<height).map {
            NodePosition(level: $0, index: leafIndex.rawValue >> UInt64($0) ^ 1)
        }
        for (position, digest) in zip(positions, view.cache.digests(at: positions)) {
            if let digest {
                siblings.append(digest)
            } else {
                siblings.append(try view.upperNode(at: position, in: tree))
            }
        }
    }

    /// Returns the level of the peak of the whole tree above the leaf.
    private static func peakLevel(above leaf: EntryIndex, in size: TreeSize) -> UInt8 {
        // The highest bit in which leaf and size differ: the size has it, and the peaks above it
        // are to the left of the leaf.
        UInt8(63 - (leaf.rawValue ^ size.rawValue).leadingZeroBitCount)
    }
}
