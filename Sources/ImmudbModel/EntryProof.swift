public import ImmudbModel
public import MerkleTree

/// Shows that an entry is in the history, and that the history only grew since a tree that the
/// asker knows. All of it is taken on one snapshot.
public struct EntryProof: Hashable, Sendable {
    /// The digest of the entry.
    public var leaf: Digest
    /// The root of the snapshot's tree.
    public var root: Digest
    /// From the leaf to the root; holds the entry's index and the snapshot's tree size.
    public var inclusion: InclusionProof
    /// From the asker's tree to the snapshot's.
    public var consistency: ConsistencyProof

    public init(
        leaf: Digest, root: Digest, inclusion: InclusionProof, consistency: ConsistencyProof
    ) {
        self.leaf = leaf
        self.root = root
        self.inclusion = inclusion
        self.consistency = consistency
    }

    public var index: EntryIndex { inclusion.index }
    public var size: TreeSize { inclusion.size }

    /// The tree that the proof speaks of: to be trusted once it is verified.
    public var tree: TrustedRoot { TrustedRoot(size: size, root: root) }

    /// Returns if the entry is in a tree that continues the trusted one.
    ///
    /// After it returned the caller trusts ``tree``.
    /// - Parameters:
    ///   - entry: what was read or written.
    ///   - trusted: the tree that the proof was asked since; `.empty` at first contact.
    /// - Throws: which check failed; then nothing about the entry is known.
    /// - Complexity: one hash over the entry, O(log size) nodes.
    public func verify(_ entry: Entry, since trusted: TrustedRoot) throws(VerificationError) {
        guard entry.index == index, entry.leaf == leaf else {
            throw VerificationError(
                .leafMismatch, "the proof is not that of the entry", index: entry.index)
        }
        try inclusion.verify(leaf: leaf, root: root)
        guard !trusted.size.isEmpty else { return }
        guard consistency.from == trusted.size else {
            throw VerificationError(
                .malformedProof, "the proof was asked since another size than \(trusted.size)",
                trustedRoot: trusted.root, trustedSize: trusted.size, index: entry.index)
        }
        try consistency.verify(from: trusted.root, to: root)
    }
}

/// An entry with its proof.
public struct ProvenEntry: Hashable, Sendable {
    public var entry: Entry
    public var proof: EntryProof

    public init(entry: Entry, proof: EntryProof) {
        self.entry = entry
        self.proof = proof
    }
}
