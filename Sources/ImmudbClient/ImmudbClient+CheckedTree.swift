import ImmudbVerification

// Calls about the tree, together with the errors in their answers: for tools that also show answers that they do not
// trust. They are not a first contact: if no root of the server is trusted, none is afterwards.

extension ImmudbClient {
    /// Checks whether a leaf is in the server's tree, and whether that tree is of one history with the trusted one.
    ///
    /// If both hold, the trusted root moves forward, as by a verified call.
    ///
    /// - Parameters:
    ///   - index: the index of the entry.
    ///   - given: its leaf; nil for that of the entry that the server shows.
    /// - Throws: `ClientError` with code `.notFound` beyond the end of a tree that was verified to continue the
    ///   trusted one; `VerificationError` if the server denies an entry of the trusted tree, or shows no proof.
    package func checkedInclusion(
        of index: EntryIndex, leaf given: Digest? = nil
    ) async throws -> CheckedInclusion {
        // Read before the server is asked, since others may move it meanwhile.
        let trusted = try await trustedRoots.trustedRoot(of: identity)
        var shown: (leaf: Digest, tree: TrustedRoot)?
        var isLeafInDoubt = false
        do {
            try await keepingEvidence {
                let (leaf, inclusion) = try await inclusion(of: index, leaf: given, trusted)
                shown = (leaf, inclusion.tree)
                do {
                    try inclusion.verify(leaf, at: index)
                } catch {
                    if let trusted, let failure = await historyFailure(since: trusted) {
                        throw failure
                    }
                    isLeafInDoubt = given != nil
                    throw error
                }
                if trusted != nil { try await trustLinked([inclusion.tree]) }
            }
        } catch let error as VerificationError {
            guard let shown else { throw error }
            return CheckedInclusion(
                leaf: shown.leaf, tree: shown.tree, failure: error, isLeafInDoubt: isLeafInDoubt)
        }
        guard let shown else { preconditionFailure("a verified inclusion was shown before") }
        return CheckedInclusion(leaf: shown.leaf, tree: shown.tree, isTreeTrusted: trusted != nil)
    }

    /// Returns the root that the server shows, and the failure if it contradicts the trusted one.
    ///
    /// A larger tree than the trusted one passes: only a proof shows whether it continues that one.
    ///
    /// - Returns: a failure that is not a `VerificationError` is the reason why the trusted root cannot be read.
    package func checkedCurrentRoot() async throws -> (root: SignedRoot, failure: (any Error)?) {
        var shown: SignedRoot?
        do {
            let root = try await keepingEvidence {
                // Read before the server is asked, since others may move it meanwhile.
                let trusted: Result<TrustedRoot?, any Error>
                do {
                    trusted = .success(try await trustedRoots.trustedRoot(of: identity))
                } catch {
                    trusted = .failure(error)
                }
                let root = try await shownRoot()
                shown = root
                try configuration.signingKey?.verify(root)
                if let failure = try trusted.get()?.failure(of: root.root) { throw failure }
                return root
            }
            return (root, nil)
        } catch {
            guard let shown else { throw error }
            return (shown, error)
        }
    }

    /// Has the server prove that a root which it has shown, and which is not empty, is of one history with the trusted one.
    ///
    /// The trusted root moves forward to it, if it is older.
    package func verifyShownRoot(_ root: TrustedRoot) async throws {
        try await keepingEvidence { _ = try await trustLinked([root]) }
    }

    /// Returns what the server shows of an entry, without verifying it.
    private func inclusion(
        of index: EntryIndex, leaf given: Digest?, _ trusted: TrustedRoot?
    ) async throws -> (leaf: Digest, inclusion: EntryInclusion) {
        do {
            let leaf = if let given { given } else { try await entry(at: index).leaf }
            let (proof, proofLeaf, root) = try await inclusionProof(of: index)
            return (leaf, EntryInclusion(leaf: proofLeaf, root: root, proof: proof))
        } catch let error as ClientError where error.code == .notFound {
            if let trusted { try await requireBeyondEnd(index, of: trusted) }
            throw error
        }
    }

    /// Returns why the server's tree does not continue a trusted one; nil also if that cannot be determined now.
    private func historyFailure(since trusted: TrustedRoot) async -> VerificationError? {
        do {
            _ = try await continuation(of: trusted)
            return nil
        } catch {
            return error as? VerificationError
        }
    }
}

extension EntryInclusion {
    /// Verifies that a leaf is in the tree of the proof, which may be any tree.
    fileprivate func verify(_ leaf: Digest, at index: EntryIndex) throws(VerificationError) {
        guard proof.index == index else {
            throw VerificationError(.wrongIndex, "the proof is about entry \(proof.index)")
        }
        try proof.verify(leaf: leaf, root: root)
        guard self.leaf == leaf else {
            throw VerificationError(.leafMismatch, "the proof is valid, but for another leaf")
        }
    }
}

extension TrustedRoot {
    /// Returns why a tree that a server shows now cannot continue this one; nil if it can.
    func failure(of shown: TrustedRoot) -> VerificationError? {
        guard shown.size < size else { return conflict(with: shown) }
        return VerificationError(
            .treeShrank,
            "the server has \(shown.size) entries, fewer than the \(size) that were trusted: its history "
                + "was cut, or an older copy restored",
            trustedRoot: root, trustedSize: size, newRoot: shown.root, newSize: shown.size)
    }
}

/// The answer to a check of an inclusion, and whether to trust it.
package struct CheckedInclusion: Sendable {
    package let leaf: Digest
    /// The tree of the proof.
    package let tree: TrustedRoot
    /// Whether the tree is proven to be of one history with a root that was trusted before.
    package var isTreeTrusted = false
    /// The failure; nil if the leaf is in the tree.
    package var failure: VerificationError?
    /// Whether the given leaf may be the cause of the failure. Nothing else is wrong with the server's answer.
    package var isLeafInDoubt = false
}
