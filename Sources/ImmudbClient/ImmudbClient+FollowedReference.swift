import ImmudbVerification

// A verified read of a reference answers with the entry of another key. That alone proves nothing
// about the requested key, so the reference's own entry is fetched and verified as well.

extension ImmudbClient {
    /// Returns the entry by which the requested key refers to the key of the answer, verified to be in a tree.
    ///
    /// - Parameter trusted: the trusted root, for messages.
    /// - Returns: the reference's own entry, and its tree, of which nothing is verified yet.
    /// - Throws: `VerificationError` with code `.wrongKey` if the server cannot show such an entry.
    func reference(
        _ name: [UInt8], to key: [UInt8], _ trusted: TrustedRoot
    ) async throws -> (entry: Entry, tree: TrustedRoot) {
        // The newest entry that refers to the key: somebody may just have pointed the name at another key.
        let entries = try await history(of: name)
        guard let entry = entries.first(where: { $0.key == name && $0.value == key }) else {
            throw VerificationError(
                .wrongKey,
                "the answer is the entry of another key, and the requested key is not a reference to it",
                trustedRoot: trusted.root, trustedSize: trusted.size)
        }
        return (entry, try await verifiedInclusion(of: entry, trusted).tree)
    }

    /// Returns the proof that an entry that the server has shown is in its tree. It is verified up to that tree's root,
    /// which is not trusted yet.
    ///
    /// - Parameter wasShown: whether the server has just shown the entry, or must have it.
    func verifiedInclusion(
        of entry: Entry, _ trusted: TrustedRoot, wasShown: Bool = true
    ) async throws -> EntryInclusion {
        do {
            let (proof, leaf, root) = try await inclusionProof(of: entry.index)
            let inclusion = EntryInclusion(leaf: leaf, root: root, proof: proof)
            try inclusion.verify(contains: entry)
            return inclusion
        } catch let error as ClientError where error.code == .notFound && wasShown {
            throw VerificationError(
                .inclusionFailed,
                "the server denies that it has an entry at this index, although it must have one",
                trustedRoot: trusted.root, trustedSize: trusted.size, index: entry.index)
        } catch let error as VerificationError {
            throw error.completed(index: entry.index, trusted: trusted)
        }
    }
}
