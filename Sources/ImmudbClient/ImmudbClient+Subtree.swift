import ImmudbProtocol
import ImmudbVerification
import MerkleTree

/// A complete subtree: the entries from `index` · 2^`level` on, 2^`level` of them.
package struct Subtree: Hashable, Sendable {
    /// At most ``maxLevel``.
    package let level: UInt8
    package let index: UInt64

    /// 1,024 entries: as many as one page has.
    package static let maxLevel: UInt8 = 10

    /// Makes the largest subtree that begins at an entry and ends before another.
    ///
    /// - Precondition: `start` is before `end`.
    package init(from start: UInt64, before end: UInt64) {
        precondition(start < end, "no entry from \(start) before \(end)")
        var level = UInt8(min(start.trailingZeroBitCount, Int(Self.maxLevel)))
        while 1 << UInt64(level) > end - start { level -= 1 }
        self.level = level
        index = start >> UInt64(level)
    }

    package var count: UInt64 { 1 << UInt64(level) }
    package var start: UInt64 { index << UInt64(level) }
    package var end: UInt64 { start + count }
}

extension ImmudbClient {
    /// Reads all entries of a subtree of the trusted tree and verifies them together: computes the subtree's root from
    /// their keys and values, and has the server prove that it is in a tree of one history with the trusted one.
    ///
    /// Costs a page and an inclusion proof, and a consistency proof if the tree has grown: two or three calls for as many
    /// entries as ``verifiedEntry(at:)`` would take twice as many calls for. It keeps no evidence, since it does not know
    /// which entry is to blame: verify them one by one then.
    ///
    /// - Returns: the bytes of the keys and values.
    /// - Throws: `VerificationError`; `ClientError` if there is no answer.
    package func verify(_ subtree: Subtree) async throws -> Int {
        let trusted = try await trustedRoot()
        let first = EntryIndex(subtree.start)
        var leaves = MerkleAccumulator()
        var byteCount = 0
        let entries = entries(
            from: first, before: EntryIndex(subtree.end), pageSize: Int(subtree.count))
        var last: Entry?
        while leaves.size.rawValue < subtree.count {
            let page = try await shown(entries, after: last)
            guard !page.isEmpty else {
                throw denial(of: EntryIndex(subtree.start + leaves.size.rawValue), trusted)
            }
            for entry in page {
                leaves.append(entry.leaf)
                byteCount += entry.key.count + entry.value.count
            }
            last = page.last
        }
        let tree: TrustedRoot
        do {
            let (proof, _, root) = try await inclusionProof(of: first)
            guard proof.index == first else {
                throw VerificationError(.wrongIndex, "the proof is about entry \(proof.index)")
            }
            try proof.verify(node: leaves.root, level: subtree.level, root: root)
            tree = TrustedRoot(size: proof.size, root: root)
        } catch let error as ClientError where error.code == .notFound {
            throw denial(of: first, trusted)
        } catch let error as VerificationError {
            throw error.completed(index: first, trusted: trusted)
        }
        try await trustLinked([tree])
        return byteCount
    }

    /// - Throws: `VerificationError` if entries are left out or out of order.
    private func shown(
        _ entries: EntrySequence<any Error>, after last: Entry?
    ) async throws -> [Entry] {
        do {
            return try await entries.page(last)
        } catch let error as ClientError where error.code == .incompatible {
            throw VerificationError(.wrongIndex, error.message)
        }
    }

    private func denial(of index: EntryIndex, _ trusted: TrustedRoot) -> VerificationError {
        VerificationError(
            .inclusionFailed, "the server denies an entry of the tree that is trusted",
            trustedRoot: trusted.root, trustedSize: trusted.size, index: index)
    }

    /// Verifies that a root from elsewhere, for example from another auditor, is of the server's history, which continues
    /// the trusted one.
    ///
    /// - Throws: `VerificationError`: with code `.receiptRefuted` the server does not have this root in its history, which
    ///   continues the trusted one; with another code it does not even do that.
    package func verifyHistory(of root: TrustedRoot) async throws {
        try await keepingEvidence { _ = try await trustLinked([root], isForeign: true) }
    }
}

extension VerificationError {
    /// Whether it is about whole trees, and not about an entry.
    package var isAboutHistory: Bool {
        switch code {
        case .treeShrank, .consistencyFailed, .receiptRefuted, .signatureInvalid: true
        case .leafMismatch, .wrongKey, .wrongIndex, .inclusionFailed: false
        case .malformedProof: index == nil
        }
    }
}
