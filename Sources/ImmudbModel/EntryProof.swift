public import MerkleTree

/// Proves that an entry is in the history, and that the history continues a tree that the caller knows. All parts are
/// about one tree.
public struct EntryProof: Hashable, Sendable {
    /// The digest of the entry.
    public var leaf: Digest
    /// The root of the tree.
    public var root: Digest
    /// The path from the leaf to the root; contains the entry's index and the size of the tree.
    public var inclusion: InclusionProof
    /// The proof that the caller's tree is the beginning of this one.
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

    /// The tree of the proof; to be trusted once the proof is verified.
    public var tree: TrustedRoot { TrustedRoot(size: size, root: root) }

    /// Returns if the entry is in a tree that continues the trusted one.
    ///
    /// After it has returned, the caller trusts ``tree``. At first contact with an empty server there is nothing to
    /// compare, as every tree begins with the empty one: the consistency proof is not checked then.
    ///
    /// - Parameters:
    ///   - entry: the entry that was read or written.
    ///   - trusted: the tree since which the proof was requested; `.empty` at first contact.
    /// - Throws: the check that failed; nothing about the entry is known then.
    /// - Complexity: one hash over the entry, O(log size) nodes.
    public func verify(_ entry: Entry, since trusted: TrustedRoot) throws(VerificationError) {
        try EntryInclusion(leaf: leaf, root: root, proof: inclusion).verify(contains: entry)
        guard !trusted.size.isEmpty else { return }
        guard consistency.from == trusted.size else {
            throw VerificationError(
                .malformedProof, "the proof was requested since another size than \(trusted.size)",
                trustedRoot: trusted.root, trustedSize: trusted.size, index: entry.index)
        }
        try consistency.verify(from: trusted.root, to: root)
    }
}

/// Proves that an entry is in a tree, which is not trusted yet.
public struct EntryInclusion: Hashable, Sendable {
    /// The digest of the entry.
    public var leaf: Digest
    /// The root of the tree.
    public var root: Digest
    /// The path from the leaf to the root; contains the entry's index and the size of the tree.
    public var proof: InclusionProof

    public init(leaf: Digest, root: Digest, proof: InclusionProof) {
        self.leaf = leaf
        self.root = root
        self.proof = proof
    }

    /// The tree of the proof.
    public var tree: TrustedRoot { TrustedRoot(size: proof.size, root: root) }

    /// Returns if the entry is in the tree of the proof.
    ///
    /// Says nothing about the tree itself: verify as well that it continues a trusted one.
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
                .wrongIndex,
                "the proof is for index \(proof.index), but the entry has index \(entry.index)"
            )
        }
        let ownLeaf = entry.leaf
        guard leaf == ownLeaf else {
            throw failure(.leafMismatch, "the proof is for another entry than the received one")
        }
        try proof.verify(leaf: ownLeaf, root: root)
    }
}
