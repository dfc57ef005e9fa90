import MerkleTree

// A verified read of a reference answers with the entry of another key. That alone proves nothing
// about the asked key, so the reference's own entry is fetched and verified as well.

extension ImmudbClient {
    /// How often the server's tree may grow between two answers before this gives up.
    private static let attemptCount = 32

    /// Verifies that the asked key has an entry which names the key that was answered.
    ///
    /// - Parameter trusted: the tree that the answer was verified in.
    /// - Returns: the reference's own entry. Its tree continues the trusted one; nothing is stored yet.
    /// - Throws: `VerificationError` with code `.wrongKey` if the server cannot show such an entry.
    func verifiedReference(
        _ name: [UInt8], to key: [UInt8], _ trusted: TrustedRoot
    ) async throws -> Verified<Entry> {
        // The newest that names the key: somebody may just have made the name another key's.
        let entries = try await history(of: name)
        guard let entry = entries.first(where: { $0.key == name && $0.value == key }) else {
            throw VerificationError(
                .wrongKey,
                "the answer is the entry of another key, and the asked key is no reference to it",
                trustedRoot: trusted.root, trustedSize: trusted.size)
        }
        // Two answers that have to be of one tree, which others make grow meanwhile.
        for _ in 0..<Self.attemptCount {
            let (proof, leaf, root, continuation, newRoot): Proofs
            do {
                (proof, leaf, root, continuation, newRoot) = try await proofs(
                    of: entry.index, since: trusted.size)
            } catch let error as ClientError where error.code == .notFound {
                // It has just shown both the entry and that tree.
                throw VerificationError.shrank(below: trusted, status: error.message)
            }
            guard proof.size == continuation.to else { continue }
            do {
                guard leaf == entry.leaf, proof.index == entry.index else {
                    throw VerificationError(
                        .leafMismatch, "the proof is not about the reference that came")
                }
                guard root == newRoot else {
                    throw VerificationError(
                        .consistencyFailed, "the server showed two different trees of the same size"
                    )
                }
                try proof.verify(leaf: entry.leaf, root: root)
                try continuation.verify(from: trusted.root, to: root)
            } catch let error as VerificationError {
                throw error.completed(index: entry.index, trusted: trusted)
            }
            return Verified(value: entry, root: TrustedRoot(size: proof.size, root: root))
        }
        throw ClientError(
            .unavailable,
            "the server's tree grew \(Self.attemptCount) times while a reference was verified: try "
                + "again")
    }

    private typealias Proofs = (
        inclusion: InclusionProof, leaf: Digest, root: Digest, consistency: ConsistencyProof,
        newRoot: Digest
    )

    /// Asks for both at once, so that they are probably of one tree.
    private func proofs(of index: EntryIndex, since size: TreeSize) async throws -> Proofs {
        async let inclusion = inclusionProof(of: index)
        async let consistency = consistencyProof(from: size)
        let (proof, leaf, root) = try await inclusion
        let (continuation, newRoot) = try await consistency
        return (proof, leaf, root, continuation, newRoot)
    }
}
