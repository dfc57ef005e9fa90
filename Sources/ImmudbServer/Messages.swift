import ImmudbProtocol
import ImmudbStore
import MerkleTree
import RPCTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Converts between messages of the wire and the store's types. The wire identifies a tree by its
// last index, the store by its size: `lastIndexOnWire` converts answers, `trustedLastIndex`
// requests.

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
    /// Sends index 0 and an empty root for an empty database.
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
    /// This size as the wire's `at` and `second`. It is 0 for an empty tree and for a tree of one
    /// entry; only the empty root distinguishes them.
    var lastIndexOnWire: UInt64 { lastIndex?.rawValue ?? 0 }
}

extension Immudb_Schema_Index {
    /// The last index of the tree that the caller trusts. It is nil for a tree of one entry, since
    /// 0 and an absent index are the same on the wire.
    var trustedLastIndex: EntryIndex? { index == 0 ? nil : EntryIndex(index) }
}
