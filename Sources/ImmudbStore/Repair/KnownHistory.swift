import ImmudbModel
import MerkleTree
import StorageIO

/// The leaves of a tree file in which all nodes follow from them, and lead to a root that somebody knows if one was named:
/// what the entries of a ledger have to be, whatever its own roots say.
struct KnownHistory {
    private let digests: StoredRecords
    /// The number of entries.
    let size: UInt64
    /// What proves the leaves.
    let proof: RepairReport.Proof

    /// - Returns: nil if the file does not follow from its leaves, or does not lead to the expected root.
    init?(
        _ digests: StoredRecords, size: UInt64, expectedRoot: TrustedRoot?
    ) throws(StoreError) {
        guard let end = TreeSize(rawValue: size), end.nodeCount <= digests.mark,
            try digests.isTree()
        else { return nil }
        if let expectedRoot {
            guard expectedRoot.size <= end,
                try digests.tree(expectedRoot.size)?.root == expectedRoot.root
            else { return nil }
        }
        self.digests = digests
        self.size = size
        proof = expectedRoot == nil ? .leaves : .expectedRoot
    }

    /// Returns the leaf of an entry; nil beyond the last one.
    func leaf(_ index: UInt64) throws(StoreError) -> Digest? {
        guard index < size else { return nil }
        return try digests.digest(NodePosition(leaf: EntryIndex(index)).storageIndex)
    }
}
