import ImmudbProtocol
import ImmudbStore
import MerkleTree
import RPCTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Between the words of the wire and those of the store. The wire names a tree by its last index, the store by
// its size: answers are converted by `lastIndexOnWire`, requests by `trustedLastIndex`.

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
    init(_ tree: TrustedRoot) {
        self.init()
        index = tree.size.lastIndexOnWire
        if !tree.size.isEmpty { root = tree.root.data }
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
}

extension Immudb_Schema_Index {
    /// The last index of the tree that a caller says it trusts; nil for the tree of one entry, since absent
    /// and 0 are the same on the wire.
    var trustedLastIndex: EntryIndex? { index == 0 ? nil : EntryIndex(index) }
}
