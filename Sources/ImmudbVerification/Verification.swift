public import ImmudbModel
public import MerkleTree

// The heart of the client: what must hold before an answer is believed. Pure functions on plain
// values; no network, no files, so that it can run where somebody else fetched the answer.

/// The proof in the answer of a Safe call as it came; nothing of it is believed yet.
public struct UncheckedProof: Hashable, Sendable {
    public var leaf: [UInt8]
    public var index: UInt64
    /// Last index of the tree that the proof speaks of.
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
    /// The steps (docs/protocol.md, rules V1 to V12): the entry is of the
    /// asked key; the proof speaks of the entry's index; the leaf is that of the entry, computed
    /// here; it is included under the new root; the new tree begins with the trusted one. All
    /// digests have 32 bytes and all paths the length that index and sizes demand.
    ///
    /// Costs one hash of key and value and about three hashes per level of the tree.
    ///
    /// - Parameters:
    ///   - entry: the answer.
    ///   - key: the asked key.
    ///   - trusted: the root that was trusted before the request, and whose last index it carried.
    /// - Throws: an error that names the check that failed, with both roots and the index.
    public func verify(
        read entry: Entry, of key: [UInt8], since trusted: TrustedRoot
    ) throws(VerificationError) -> Verified<Entry> {
        guard entry.key == key else {
            throw failure(.wrongKey, "the answer is the entry of another key", trusted)
        }
        return try verify(read: entry, since: trusted)
    }

    /// As `verify(read:of:since:)`, of an entry whose key may be another than the asked one, since
    /// a reference may lead to it: that is for the caller to verify.
    package func verify(
        read entry: Entry, since trusted: TrustedRoot
    ) throws(VerificationError) -> Verified<Entry> {
        guard index == entry.index.rawValue else {
            throw failure(
                .wrongIndex, "the proof speaks of index \(index), the entry of \(entry.index)",
                trusted)
        }
        return try verify(entry, since: trusted)
    }

    /// Verifies that a new entry of `key` and `value` was written, in a tree that continues the
    /// trusted one.
    ///
    /// As a read is verified, and one check more: the new entry lies behind the trusted tree.
    /// Otherwise a server could acknowledge a write by proving an older, equal entry.
    ///
    /// - Parameters:
    ///   - key: what was written.
    ///   - value: what was written.
    ///   - trusted: the root that was trusted before the request, and whose last index it carried.
    public func verify(
        writtenKey key: [UInt8], value: [UInt8], since trusted: TrustedRoot
    ) throws(VerificationError) -> Verified<Entry> {
        try verify(writtenKey: key, value: value, since: trusted, kind: nil)
    }

    /// The same for an entry of a kind that the writer knows.
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

    /// The audit path of the entry, and the root of its tree. Nothing of it is verified here.
    ///
    /// - Throws: code `.malformedProof`.
    package func inclusion() throws(VerificationError) -> (proof: InclusionProof, root: Digest) {
        let new = try newRoot()
        let path = try Digest.path(received: inclusionPath)
        return (InclusionProof(index: EntryIndex(index), size: new.size, path: path), new.root)
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

    /// The same proof with digests of 32 bytes and a tree size. Nothing of it is verified here.
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
    /// An entry that was verified to be in a tree of the server's one history.
    ///
    /// - Parameter root: linked to the trusted root by the caller.
    package init(
        _ entry: Entry, by inclusion: EntryInclusion, trusted root: TrustedRoot
    ) throws(VerificationError) {
        try inclusion.verify(contains: entry)
        self.init(value: entry, root: root)
    }

    /// The same entry, found by a reference that was verified too.
    package func found(by reference: Entry) -> Verified<Entry> {
        Verified(value: value, root: root, reference: reference)
    }
}

extension VerificationError {
    /// The error with what the failed check did not know.
    package func completed(index: EntryIndex? = nil, trusted: TrustedRoot) -> VerificationError {
        var error = self
        error.index = error.index ?? index
        error.trustedRoot = error.trustedRoot ?? trusted.root
        error.trustedSize = error.trustedSize ?? trusted.size
        return error
    }

    /// The server does not know the trusted tree's last index any more: evidence, though it comes
    /// as a plain status.
    ///
    /// - Parameter claimed: the tree that the server says it has now; nil if it does not say.
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
