import ImmudbModel
import Ledger
import MerkleTree
import StorageIO

extension DatabaseRepair {
    /// Returns what proves the entries that were replaced last, and all before them.
    func proof(
        of repair: SegmentRepair, isNewest: Bool, _ inspection: LedgerInspection,
        _ identity: DatabaseIdentity, _ source: EntrySource
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
        let digests = try storedDigests(identity)
        var peaks: [Digest] = []
        for position in repair.tree.size.peaks {
            guard let peak = try digests?.digest(position.storageIndex) else { return nil }
            peaks.append(peak)
        }
        return MerkleAccumulator(size: repair.tree.size, peaks: peaks).root == repair.tree.root
            ? .leaves : nil
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
