import ImmudbModel
import Ledger
import MerkleTree
import StorageIO

extension DatabaseRepair {
    /// Returns what proves the entries that were replaced last, and all before them.
    func proof(
        of repair: SegmentRepair, isNewest: Bool, _ inspection: LedgerInspection,
        _ identity: DatabaseIdentity, _ source: any EntrySource
    ) throws(StoreError) -> RepairReport.Proof? {
        if repair.isFollowedByRoot { return .root }
        if !isNewest {
            let next = inspection.segments[Int(repair.segment.number) + 1]
            guard case .readable(let head) = next.state else { return nil }
            return head.rootBefore == repair.tree.root ? .root : nil
        }
        if let expected = options.expectedRoot, expected.size == repair.tree.size,
            expected.root == repair.tree.root
        {
            return .expectedRoot
        }
        guard source.identity == identity else { return nil }
        // The leaves of the replaced entries, and the nodes above, lead to the same root.
        let stored = try storedDigests(identity)?.tree(repair.tree.size)
        return stored?.root == repair.tree.root ? .leaves : nil
    }

    /// Returns the history that a repair must lead to, as far as the tree file shows it.
    ///
    /// It is shown if the tree leads to the expected root, and this covers the entries in doubt: those in which a ledger,
    /// whose roots all follow, differs from the tree; or all, if some root does not follow. Without any segment, the tree
    /// file of the same database is enough: nothing contradicts it.
    func knownHistory(
        _ before: VerificationReport, _ identity: DatabaseIdentity, _ source: any EntrySource
    ) throws(StoreError) -> KnownHistory? {
        let hasSegments = before.hasSegments
        guard before.hasOtherTree || before.hasUnexplainedRoot || !hasSegments,
            let digests = try storedDigests(identity)
        else { return nil }
        let witness = try treeWitness(identity)
        guard let expected = options.expectedRoot else {
            guard !hasSegments, witness > 0, source.identity == identity else { return nil }
            return try KnownHistory(digests, size: witness, expectedRoot: nil)
        }
        guard !hasSegments || expected.size.rawValue >= doubtEnd(before) else { return nil }
        return try KnownHistory(digests, size: witness, expectedRoot: expected)
    }

    /// How many entries a root must cover to tell which of two histories is right.
    func doubtEnd(_ before: VerificationReport) -> UInt64 {
        before.hasUnexplainedRoot ? before.size.rawValue : before.otherLeafEnd
    }

    private func storedDigests(_ identity: DatabaseIdentity) throws(StoreError) -> StoredRecords? {
        try stored("digests", .digests, identity)
    }

    private func stored(
        _ name: String, _ kind: ViewHead.Kind, _ identity: DatabaseIdentity
    ) throws(StoreError) -> StoredRecords? {
        let file = "\(path)/tree/\(name)"
        guard try fileSystem.exists(file) else { return nil }
        do throws(StoreError) {
            return try StoredRecords(
                path: file, kind: kind, identity: identity, fileSystem: fileSystem)
        } catch {
            if error.isDamageOfIndex { return nil }
            throw error
        }
    }

    func treeWitness(_ identity: DatabaseIdentity) throws(StoreError) -> UInt64 {
        try TreeWitness(
            digests: storedDigests(identity), places: stored("places", .positions, identity)
        ).size()
    }
}
