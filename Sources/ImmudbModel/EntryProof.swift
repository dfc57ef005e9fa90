public import MerkleTree

/// Shows that an entry is in the history, and that the history only grew since a tree that the
/// asker knows. All of it is about one tree.
public struct EntryProof: Hashable, Sendable {
    /// The digest of the entry.
    public var leaf: Digest
    /// The root of the tree.
    public var root: Digest
    /// From the leaf to the root; holds the entry's index and the size of the tree.
    public var inclusion: InclusionProof
    /// From the asker's tree to this one.
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
    /// After it returned the caller trusts ``tree``. At first contact with an empty server there is nothing
    /// to compare, as every tree begins with the empty one: the consistency proof is not looked at then.
    ///
    /// - Parameters:
    ///   - entry: what was read or written.
    ///   - trusted: the tree that the proof was asked since; `.empty` at first contact.
    /// - Throws: which check failed; then nothing about the entry is known.
    /// - Complexity: one hash over the entry, O(log size) nodes.
    public func verify(_ entry: Entry, since trusted: TrustedRoot) throws(VerificationError) {
        try EntryInclusion(leaf: leaf, root: root, proof: inclusion).verify(contains: entry)
        guard !trusted.size.isEmpty else { return }
        guard consistency.from == trusted.size else {
            throw VerificationError(
                .malformedProof, "the proof was asked since another size than \(trusted.size)",
                trustedRoot: trusted.root, trustedSize: trusted.size, index: entry.index)
        }
        try consistency.verify(from: trusted.root, to: root)
    }
}

/// Shows that an entry is in a tree, which nobody trusts yet.
public struct EntryInclusion: Hashable, Sendable {
    /// The digest of the entry.
    public var leaf: Digest
    /// The root of the tree.
    public var root: Digest
    /// From the leaf to the root; holds the entry's index and the size of the tree.
    public var proof: InclusionProof

    public init(leaf: Digest, root: Digest, proof: InclusionProof) {
        self.leaf = leaf
        self.root = root
        self.proof = proof
    }

    /// The tree that the proof speaks of.
    public var tree: TrustedRoot { TrustedRoot(size: proof.size, root: root) }

    /// Returns if the entry is in the tree that the proof speaks of.
    ///
    /// Says nothing about that tree: whether it continues a trusted one is to be verified, too.
    ///
    /// - Throws: code `.wrongIndex`, `.leafMismatch`, `.malformedProof` or `.inclusionFailed`.
    /// - Complexity: one hash over the entry, O(log size) nodes.
    public func verify(contains entry: Entry) throws(VerificationError) {
        func failure(_ code: VerificationError.Code, _ message: String) -> VerificationError {
            VerificationError(
                code, message, newRoot: root, newSize: proof.size, index: entry.index)
        }
        guard proof.index == entry.index else {
            throw failure(
                .wrongIndex, "the proof speaks of index \(proof.index), the entry of \(entry.index)"
            )
        }
        let ownLeaf = entry.leaf
        guard leaf == ownLeaf else {
            throw failure(.leafMismatch, "the proof is not about the entry that came")
        }
        try proof.verify(leaf: ownLeaf, root: root)
    }
}
