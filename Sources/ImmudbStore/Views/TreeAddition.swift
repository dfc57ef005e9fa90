import Ledger
import MerkleTree

/// The records that consecutive entries add to the two files of the tree.
struct TreeAddition: Sendable {
    /// The digests in completion order; 32 bytes each in memory as on disk.
    private(set) var digests: [Digest] = []
    /// Packed positions, little-endian.
    private(set) var positions: [UInt64] = []

    var entryCount: Int { positions.count }

    mutating func reserveCapacity(_ entryCount: Int) {
        digests.reserveCapacity(2 * entryCount)
        positions.reserveCapacity(entryCount)
    }

    /// Adds one entry and appends its leaf to `tree`.
    mutating func add(
        _ leaf: Digest, at position: EntryPosition, to tree: inout MerkleAccumulator
    ) {
        positions.append(position.packed.littleEndian)
        tree.append(leaf) { _, digest in digests.append(digest) }
    }

    /// Calls `body` with the nodes of `level` and above, in completion order.
    ///
    /// - Parameter first: the size of the tree before the first entry.
    func forEachNode(
        from first: TreeSize, level: UInt8, _ body: (NodePosition, Digest) -> Void
    ) {
        var next = 0
        for index in first.rawValue..<first.rawValue + UInt64(entryCount) {
            // Each trailing 1 of the index stands for a node that its leaf completes.
            let height = UInt8((~index).trailingZeroBitCount)
            if level <= height {
                for level in level...height {
                    body(
                        NodePosition(level: level, index: index >> UInt64(level)),
                        digests[next + Int(level)])
                }
            }
            next += Int(height) + 1
        }
    }
}
