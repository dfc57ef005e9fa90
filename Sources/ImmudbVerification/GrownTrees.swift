package import ImmudbModel
package import MerkleTree

/// Proves without the server that trees are of one history: computes them from the leaves by which one of them has grown
/// into the next.
///
/// Keeps the leaves of entries that were verified, by index. As long as all entries of a range are known, for example
/// because all are writes of one client, the root of each tree that ends in the range can be computed.
package struct GrownTrees: Sendable {
    /// At most so many leaves are kept, and as many that a round adds: less than a megabyte.
    package static let maxLeafCount = 4_096

    private var leaves: [UInt64: Digest] = [:]

    package init() {}

    /// Adds a leaf. A wrong one does no harm, since a computed root must be equal to the one that it proves.
    package mutating func add(_ leaf: Digest, at index: EntryIndex) {
        leaves[index.rawValue] = leaf
    }

    /// Forgets the leaves that are far behind a tree, if there are too many.
    package mutating func prune(behind tree: TreeSize) {
        guard leaves.count > Self.maxLeafCount else { return }
        let kept = UInt64(Self.maxLeafCount / 2)
        leaves = leaves.filter { tree.rawValue < kept || $0.key >= tree.rawValue - kept }
        if leaves.count > Self.maxLeafCount { leaves = [:] }
    }

    /// Returns which of `roots` are of one history with `trusted`: one sequence of leaves has all these roots.
    ///
    /// Hashes two nodes for each leaf and about half as many as the tree has levels for each root.
    ///
    /// - Parameter start: the tree from which to compute the others; smaller ones are not proven.
    /// - Returns: the proven roots, with `trusted`; empty if that one cannot be computed.
    package func proven(
        _ roots: Set<TrustedRoot>, with trusted: TrustedRoot, from start: MerkleAccumulator
    ) -> Set<TrustedRoot> {
        var tree = start
        var proven: Set<TrustedRoot> = []
        let goals = roots.union([trusted]).filter { $0.size >= start.size }
        for goal in goals.sorted(by: { $0.size < $1.size }) {
            while tree.size < goal.size, let leaf = leaves[tree.size.rawValue] { tree.append(leaf) }
            guard tree.size == goal.size else { break }
            if tree.root == goal.root { proven.insert(goal) }
        }
        return proven.contains(trusted) ? proven : []
    }
}
