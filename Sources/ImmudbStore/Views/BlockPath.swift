import MerkleTree
import StorageIO

/// The digests on the path from one leaf to the top of its block, and beside it, all checked against a
/// known digest: what a proof needs from the lower levels.
struct BlockPath {
    private let leafIndex: EntryIndex
    /// The levels below the known digest.
    private let height: UInt8
    /// The digests on the path, and their siblings, by level.
    private var nodes: [Digest]
    private var siblings: [Digest]

    var leaf: Digest { nodes[0] }

    /// Reads the block of the leaf and checks the leaf's path.
    ///
    /// - Complexity: one read of at most 4,064 bytes, at most six hashes, and what the known digest costs.
    init(of leafIndex: EntryIndex, in tree: MerkleAccumulator, view: TreeView) throws(StoreError) {
        let first = leafIndex.rawValue & ~(TreeView.blockLeafCount - 1)
        let leafCount = min(TreeView.blockLeafCount, tree.size.rawValue - first)
        let local = leafIndex.rawValue - first
        // In a full block all paths lead to one node; in the last one, to the peaks of the tree.
        var top = NodePosition(leaf: leafIndex)
        while top.level < TreeView.blockLevel, !Self.isPeak(top, in: tree.size) { top = top.parent }
        self.leafIndex = leafIndex
        height = top.level
        let known: Digest =
            if let peak = tree.peak(at: top) { peak } else { try view.upperNode(at: top, in: tree) }
        let byteCount = Int(TreeSize(leafCount).nodeCount) * Digest.byteCount
        var checked: Digest?
        var nodes: [Digest] = []
        var siblings: [Digest] = []
        nodes.reserveCapacity(Int(height) + 1)
        siblings.reserveCapacity(Int(height))
        let levels = height
        try withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { buffer in
            Result { () throws(StoreError) -> Void in
                try view.digests.read(into: buffer, from: TreeSize(first).nodeCount)
                var position = NodePosition(level: 0, index: local)
                var digest = Self.digest(at: position, in: buffer)
                for _ in 0..<levels {
                    let sibling = Self.digest(at: position.sibling, in: buffer)
                    nodes.append(digest)
                    siblings.append(sibling)
                    digest =
                        position.index & 1 == 0 ? .node(digest, sibling) : .node(sibling, digest)
                    position = position.parent
                }
                nodes.append(digest)
                checked = digest
            }
        }.get()
        guard checked == known else { throw view.mismatch(at: NodePosition(leaf: leafIndex)) }
        self.nodes = nodes
        self.siblings = siblings
    }

    /// A checked digest, if the position is on the path or beside it.
    func digest(at position: NodePosition) -> Digest? {
        guard position.level <= height else { return nil }
        let own = leafIndex.rawValue >> UInt64(position.level)
        if position.index == own { return nodes[Int(position.level)] }
        return position.level < height && position.index == own ^ 1
            ? siblings[Int(position.level)] : nil
    }

    private static func isPeak(_ position: NodePosition, in size: TreeSize) -> Bool {
        let index = size.rawValue >> UInt64(position.level)
        return index & 1 == 1 && position.index == index - 1
    }

    /// The order within a block is that of a tree of its own.
    private static func digest(
        at local: NodePosition, in block: UnsafeMutableRawBufferPointer
    ) -> Digest {
        Digest(loadingFrom: block.baseAddress! + Int(local.storageIndex) * Digest.byteCount)
    }
}
