/// The position of a node in the tree: node (level, index) covers leaves `index << level ..< (index +
/// 1) << level`.
///
/// Leaves have level 0. Only complete nodes have a position; nodes at the incomplete right edge of a tree are computed
/// from them when they are needed.
public struct NodePosition: Hashable, Sendable, CustomStringConvertible {
    public let level: UInt8
    public let index: UInt64

    /// - Precondition: the node's leaves are below 2^63.
    public init(level: UInt8, index: UInt64) {
        precondition(level <= 63 && index < (1 << 63) >> UInt64(level), "node (\(level), \(index))")
        self.level = level
        self.index = index
    }

    /// Makes the position of the entry's leaf.
    ///
    /// - Precondition: the index is below 2^63.
    public init(leaf index: EntryIndex) {
        self.init(level: 0, index: index.rawValue)
    }

    /// - Precondition: the level is below 63.
    public var parent: NodePosition { NodePosition(level: level + 1, index: index >> 1) }

    /// The other child of the parent.
    ///
    /// - Precondition: the level is below 63.
    public var sibling: NodePosition { NodePosition(level: level, index: index ^ 1) }

    public var firstLeaf: EntryIndex { EntryIndex(index << UInt64(level)) }
    public var lastLeaf: EntryIndex { EntryIndex(firstLeaf.rawValue + (leafCount - 1)) }
    public var leafCount: UInt64 { 1 << UInt64(level) }

    /// The position of the node's digest in storage, in digests from 0.
    ///
    /// Digests are stored in the order in which nodes become complete: a leaf, then each inner node that this leaf
    /// completes, lowest first. There are 2m - popcount(m) complete nodes before leaf m (`TreeSize.nodeCount`). The
    /// node comes `level` digests after the leaf that completes it, its last one.
    public var storageIndex: UInt64 {
        TreeSize(lastLeaf.rawValue).nodeCount + UInt64(level)
    }

    /// Whether all of the node's leaves exist in a tree of `size`.
    public func isComplete(in size: TreeSize) -> Bool { index < size.rawValue >> UInt64(level) }

    public var description: String { "(\(level), \(index))" }
}
