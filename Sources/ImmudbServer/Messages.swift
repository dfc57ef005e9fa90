import ImmudbProtocol
import ImmudbStore
import MerkleTree
import RPCTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Between the words of the wire and those of the store. The wire names a tree by its last index,
// the store by its size: the conversion is here and nowhere else.

extension Immudb_Schema_Proof {
    init(_ proof: EntryProof) {
        self.init()
        leaf = proof.leaf.data
        index = proof.index.rawValue
        root = proof.root.data
        at = proof.size.lastIndexOnWire
        inclusionPath = proof.inclusion.path.map(\.data)
        consistencyPath = proof.consistency.path.map(\.data)
    }
}

extension Immudb_Schema_Index {
    init(_ index: EntryIndex) {
        self.init()
        self.index = index.rawValue
    }
}

extension Immudb_Schema_Root {
    /// An empty database has index 0 and an empty root.
    init(_ snapshot: Snapshot) {
        self.init()
        index = snapshot.size.lastIndexOnWire
        if !snapshot.size.isEmpty { root = snapshot.root.data }
    }
}

extension Digest {
    var data: Data {
        withUnsafeBytes { Data($0) }
    }
}

extension TreeSize {
    /// How the wire says this size: `at`, `second`. An empty tree is 0, as the tree of one entry
    /// is; what tells them apart is its root, which is empty.
    var lastIndexOnWire: UInt64 { lastIndex?.rawValue ?? 0 }

    /// The tree that a caller says it trusts.
    ///
    /// Absent and 0 are the same on the wire: proofs then start from the tree of one entry.
    ///
    /// - Throws: `invalid root index` if the tree has no such entry; nothing may have been written
    ///   before.
    init(
        trustedRootIndex index: Immudb_Schema_Index, in snapshot: Snapshot
    ) throws(Refusal) {
        guard index.index != 0 else {
            self.init(1)
            return
        }
        let last = EntryIndex(index.index)
        guard snapshot.size.contains(last) else { throw Refusal.invalidRootIndex }
        self.init(lastIndex: last)
    }
}
