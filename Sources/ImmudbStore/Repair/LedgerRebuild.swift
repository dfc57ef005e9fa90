import ImmudbModel
import Ledger
import MerkleTree
import StorageIO

/// Makes the segments of a ledger that has none, from another copy.
///
/// Nothing has its name before all entries are proven. Then the last segment gets its name first: a ledger whose beginning
/// is missing cannot be taken for a whole one, and a repair that was interrupted can be run again.
struct LedgerRebuild {
    let inspection: LedgerInspection
    let identity: DatabaseIdentity
    let source: any EntrySource
    let fileSystem: any FileSystem
    /// The leaves that the entries must have; nil if the root alone shows that they are right.
    let history: KnownHistory?
    let expectedRoot: TrustedRoot?
    let segmentByteCount: Int

    /// - Returns: the segments, from the first on.
    /// - Throws: `corruption` if the other copy lacks entries, or has others; `otherHistory` if they do not have the root;
    ///   the operating system's errors. The folder is as it was then, unless a rename has failed.
    func run(
        checking isWhole: (LedgerInspection.Segment, MerkleAccumulator) throws(StoreError) -> Bool
    ) throws(StoreError) -> [RepairReport.Replacement] {
        let end = history?.size ?? expectedRoot?.size.rawValue ?? 0
        var drafts: [(draft: SegmentDraft, replacement: RepairReport.Replacement)] = []
        var tree = MerkleAccumulator()
        while tree.size.rawValue < end {
            let segment = inspection.missingSegment(UInt32(drafts.count))
            var repair = SegmentRepair(
                segment, of: inspection, identity: identity, from: source, end: end, after: tree)
            repair.history = history
            repair.byteLimit = segmentByteCount
            let draft = try repair.draft(fileSystem: fileSystem)
            try repair.run(writingTo: draft)
            guard try isWhole(try draft.finish(), tree) else {
                throw StoreError(
                    .corruption, "the entries of the other copy are not what this version writes")
            }
            tree = repair.tree
            drafts.append(
                (
                    draft,
                    RepairReport.Replacement(
                        segment: segment.path, entries: repair.replaced,
                        proof: history?.proof ?? .expectedRoot)
                ))
        }
        if history == nil, let expectedRoot, expectedRoot.root != tree.root {
            throw StoreError(
                .otherHistory,
                "the first \(expectedRoot.size) entries of the other copy have the root \(tree.root), and not the "
                    + "expected \(expectedRoot.root)")
        }
        for (draft, _) in drafts.reversed() { try draft.replace() }
        return drafts.map(\.replacement)
    }
}
