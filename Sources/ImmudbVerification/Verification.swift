public import ImmudbModel
public import MerkleTree

// The core of the client: the checks before an answer is trusted. Pure functions on plain values; no
// network, no files, so that it can run where somebody else fetched the answer.

/// The received proof of a Safe call. Nothing of it is verified yet.
public struct UncheckedProof: Hashable, Sendable {
    public var leaf: [UInt8]
    public var index: UInt64
    /// The last index of the proof's tree.
    public var at: UInt64
    public var root: [UInt8]
    public var inclusionPath: [[UInt8]]
    public var consistencyPath: [[UInt8]]

    public init(
        leaf: [UInt8], index: UInt64, at: UInt64, root: [UInt8], inclusionPath: [[UInt8]],
        consistencyPath: [[UInt8]]
    ) {
        self.leaf = leaf
        self.index = index
        self.at = at
        self.root = root
        self.inclusionPath = inclusionPath
        self.consistencyPath = consistencyPath
    }
}

extension UncheckedProof {
    /// Verifies that `entry`, the answer to a read of `key`, is in a tree that continues the
    /// trusted one.
    ///
    /// The steps (docs/protocol.md, rules V1 to V12): the entry has the requested key; the proof is about the entry's
    /// index; the leaf is that of the entry, computed here; it is included under the new root; the new tree begins with
    /// the trusted one. All digests have 32 bytes and all paths the length that index and sizes require.
    ///
    /// Costs one hash of key and value and about three hashes per level of the tree.
    ///
    /// - Parameters:
    ///   - entry: the answer.
    ///   - key: the requested key.
    ///   - trusted: the root that was trusted before the request, and whose last index it carried.
    /// - Throws: an error that names the failed check, with both roots and the index.
    public func verify(
        read entry: Entry, of key: [UInt8], since trusted: TrustedRoot
    ) throws(VerificationError) -> Verified<Entry> {
        guard entry.key == key else {
            throw failure(.wrongKey, "the answer is the entry of another key", trusted)
        }
        return try verify(read: entry, since: trusted)
    }

    /// Verifies like `verify(read:of:since:)` an entry whose key may differ from the requested one, since a reference
    /// may lead to it: the caller must verify the reference.
    package func verify(
        read entry: Entry, since trusted: TrustedRoot
    ) throws(VerificationError) -> Verified<Entry> {
        guard index == entry.index.rawValue else {
            throw failure(
                .wrongIndex,
                "the proof is for index \(index), but the entry has index \(entry.index)",
                trusted)
        }
        return try verify(entry, since: trusted)
    }

    /// Verifies that a new entry of `key` and `value` was written, in a tree that continues the
    /// trusted one.
    ///
    /// Performs the checks of a read, and one more: the new entry is beyond the trusted tree. Otherwise a server could
    /// acknowledge a write by proving an older, equal entry.
    ///
    /// - Parameters:
    ///   - key: the key that was written.
    ///   - value: the value that was written.
    ///   - trusted: the root that was trusted before the request, and whose last index it carried.
    public func verify(
        writtenKey key: [UInt8], value: [UInt8], since trusted: TrustedRoot
    ) throws(VerificationError) -> Verified<Entry> {
        try verify(writtenKey: key, value: value, since: trusted, kind: nil)
    }

    /// Verifies the same for an entry of a kind that the writer knows.
    package func verify(
        writtenKey key: [UInt8], value: [UInt8], since trusted: TrustedRoot, kind: EntryKind?
    ) throws(VerificationError) -> Verified<Entry> {
        let entry = Entry(index: EntryIndex(index), kind: kind, key: key, value: value)
        let verified = try verify(entry, since: trusted)
        guard !trusted.size.contains(entry.index) else {
            throw failure(
                .wrongIndex,
                "the write is acknowledged by an older entry, in the tree that was trusted before",
                trusted)
        }
        return verified
    }

    /// Returns the audit path of the entry, and the root of its tree, without verifying them.
    ///
    /// - Throws: code `.malformedProof`.
    package func inclusion() throws(VerificationError) -> (proof: InclusionProof, root: Digest) {
        let new = try newRoot()
        let path = try Digest.path(received: inclusionPath)
        return (InclusionProof(index: EntryIndex(index), size: new.size, path: path), new.root)
    }

    /// Returns the trusted tree's peaks, which the proof contains.
    ///
    /// - Parameter trusted: the root that was trusted before the request.
    /// - Returns: nil if the proof does not have them.
    package func tree(of trusted: TrustedRoot) -> MerkleAccumulator? {
        guard !trusted.size.isEmpty else { return MerkleAccumulator() }
        return try? parsed(since: trusted.size).consistency.olderTree(root: trusted.root)
    }

    private func verify(
        _ entry: Entry, since trusted: TrustedRoot
    ) throws(VerificationError) -> Verified<Entry> {
        do throws(VerificationError) {
            let proof = try parsed(since: trusted.size)
            try proof.verify(entry, since: trusted)
            return Verified(value: entry, root: proof.tree)
        } catch {
            throw error.completed(index: entry.index, trusted: trusted)
        }
    }

    /// Returns the proof with digests of 32 bytes and a tree size, without verifying it.
    private func parsed(since size: TreeSize) throws(VerificationError) -> EntryProof {
        let (inclusion, root) = try inclusion()
        return EntryProof(
            leaf: try Digest(received: leaf, as: "the leaf"), root: root, inclusion: inclusion,
            consistency: ConsistencyProof(
                from: size, to: inclusion.size, path: try Digest.path(received: consistencyPath)))
    }

    private func newRoot() throws(VerificationError) -> TrustedRoot {
        guard !root.isEmpty else {
            throw VerificationError(.malformedProof, "the proof has no root")
        }
        return try TrustedRoot(lastIndex: at, rootBytes: root)
    }

    private func failure(
        _ code: VerificationError.Code, _ message: String, _ trusted: TrustedRoot
    ) -> VerificationError {
        VerificationError(
            code, message, newRoot: Digest(root), newSize: TreeSize(endingAt: at)
        ).completed(index: EntryIndex(index), trusted: trusted)
    }
}

extension Verified where Value == Entry {
    /// Makes a verified entry: it was verified to be in a tree of the server's only history.
    ///
    /// - Parameter root: a trusted root to which the caller has linked the tree.
    package init(
        _ entry: Entry, by inclusion: EntryInclusion, trusted root: TrustedRoot
    ) throws(VerificationError) {
        try inclusion.verify(contains: entry)
        self.init(value: entry, root: root)
    }

    /// Returns the same entry, found by a reference that was verified, too.
    package func found(by reference: Entry) -> Verified<Entry> {
        Verified(value: value, root: root, reference: reference)
    }
}

extension VerificationError {
    /// Returns the error with the facts that the failed check did not have.
    package func completed(index: EntryIndex? = nil, trusted: TrustedRoot) -> VerificationError {
        var error = self
        error.index = error.index ?? index
        error.trustedRoot = error.trustedRoot ?? trusted.root
        error.trustedSize = error.trustedSize ?? trusted.size
        return error
    }

    /// Makes the error of a server that no longer knows the trusted tree's last index. This is evidence, although it is
    /// received as a plain status.
    ///
    /// - Parameter claimed: the tree that the server claims to have now; nil if it claims none.
    package static func shrank(
        below trusted: TrustedRoot, status: String, claimed: TrustedRoot?
    ) -> VerificationError {
        VerificationError(
            .treeShrank,
            "the server has fewer entries than the \(trusted.size) that were trusted "
                + "(it answers '\(status)'): its history was cut, or an older copy restored",
            trustedRoot: trusted.root, trustedSize: trusted.size, newRoot: claimed?.root,
            newSize: claimed?.size)
    }
}
