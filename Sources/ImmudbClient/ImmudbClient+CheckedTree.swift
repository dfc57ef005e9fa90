import ImmudbVerification

// Calls about the tree, and what is wrong with their answers: for tools that also show what they do not believe.
// Where no root of the server is trusted, none is afterwards either: they are no first contact.

extension ImmudbClient {
    /// Whether a leaf is in the server's tree, and that tree of one history with what is trusted.
    ///
    /// If it is, the trusted root moves on, as by a verified call.
    ///
    /// - Parameters:
    ///   - index: of the entry.
    ///   - given: its leaf; nil for that of the entry which the server shows.
    /// - Throws: `ClientError` with code `.notFound` beyond the end, of a tree that was verified to continue the
    ///   trusted one; `VerificationError` if the server denies an entry of the trusted tree, or shows no proof.
    package func checkedInclusion(
        of index: EntryIndex, leaf given: Digest? = nil
    ) async throws -> CheckedInclusion {
        // Before the server is asked: others may move it on meanwhile.
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
        guard let shown else { preconditionFailure("what was verified was shown before") }
        return CheckedInclusion(leaf: shown.leaf, tree: shown.tree, isTreeTrusted: trusted != nil)
    }

    /// The root that the server shows, and what is wrong with it beside the one that is trusted.
    ///
    /// A larger tree than the trusted one passes: whether it continues that one takes a proof.
    ///
    /// - Returns: a failure that is no `VerificationError` says why the trusted root cannot be read.
    package func checkedCurrentRoot() async throws -> (root: TrustedRoot, failure: (any Error)?) {
        var shown: TrustedRoot?
        do {
            let root = try await keepingEvidence {
                // Before the server is asked: others may move it on meanwhile.
                let trusted: Result<TrustedRoot?, any Error>
                do {
                    trusted = .success(try await trustedRoots.trustedRoot(of: identity))
                } catch {
                    trusted = .failure(error)
                }
                let root = try await currentRoot()
                shown = root
                if let failure = try trusted.get()?.failure(of: root) { throw failure }
                return root
            }
            return (root, nil)
        } catch {
            guard let shown else { throw error }
            return (shown, error)
        }
    }

    /// What the server shows of an entry: nothing of it is verified.
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

    /// Why the server's tree does not continue a trusted one; nil also if that cannot be told now.
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
    /// Verifies that a leaf is in the tree that the proof speaks of, which may be any.
    fileprivate func verify(_ leaf: Digest, at index: EntryIndex) throws(VerificationError) {
        guard proof.index == index else {
            throw VerificationError(.wrongIndex, "the proof is about entry \(proof.index)")
        }
        try proof.verify(leaf: leaf, root: root)
        guard self.leaf == leaf else {
            throw VerificationError(.leafMismatch, "the proof holds, and names another leaf")
        }
    }
}

extension TrustedRoot {
    /// Why a tree that a server shows, as it is now, cannot continue this one; nil if it may.
    fileprivate func failure(of shown: TrustedRoot) -> VerificationError? {
        guard shown.size < size else { return conflict(with: shown) }
        return VerificationError(
            .treeShrank,
            "the server has \(shown.size) entries, fewer than the \(size) that were trusted: its history "
                + "was cut, or an older copy restored",
            trustedRoot: root, trustedSize: size, newRoot: shown.root, newSize: shown.size)
    }
}

/// The answer to a check of an inclusion, and if it is to be believed.
package struct CheckedInclusion: Sendable {
    package let leaf: Digest
    /// That of the proof.
    package let tree: TrustedRoot
    /// The tree is proven to be of one history with a root that was trusted before.
    package var isTreeTrusted = false
    /// nil: the leaf is in that tree.
    package var failure: VerificationError?
    /// The failure may be that of the leaf that was given. Nothing else speaks against the server.
    package var isLeafInDoubt = false
}
