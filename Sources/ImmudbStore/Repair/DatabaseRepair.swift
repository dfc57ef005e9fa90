import ImmudbModel
import Ledger
import MerkleTree
import StorageIO

/// One repair of a database's files: see ``Database/repair(at:from:options:)``.
struct DatabaseRepair {
    let path: String
    /// The folder of the other copy.
    let copy: String?
    let options: VerificationOptions
    let fileSystem: any FileSystem
    private var replacements: [RepairReport.Replacement] = []
    private var failures: [String] = []

    /// A segment that is written and waits for the root that proves it.
    struct Pending {
        let draft: SegmentDraft
        let segment: LedgerInspection.Segment
        let replaced: [Range<UInt64>]
    }

    init(path: String, copy: String?, options: VerificationOptions) {
        self.path = path
        self.copy = copy
        self.options = options
        fileSystem = options.fileSystem
    }

    /// Repairs the folder, which the caller has locked, as it has the other copy.
    mutating func run() throws(StoreError) -> RepairReport {
        let before = try verify()
        // One of two histories is false: what proves an entry in one of them proves nothing.
        if !before.damagedSegments.isEmpty, !before.hasOtherTree {
            guard let copy else {
                throw StoreError(
                    .corruption,
                    "\(path): \(before.damagedSegments.count) segments of the ledger are damaged, and only another copy "
                        + "has what is missing: name it with --from")
            }
            if let identity = before.identity {
                try repairLedger(before, identity, from: copy)
            } else {
                failures.append(
                    "\(path) holds nothing that shows which database it was: use the other copy in place of it"
                )
            }
        }
        // Entries that were replaced are proven by roots: a tree that differs from them now was changed with them.
        let after = replacements.isEmpty ? before : try verify(comparingHistories: false)
        return RepairReport(
            before: before, after: after, replacements: replacements, failures: failures,
            discardedViews: try discardViews(after))
    }

    private func verify(
        comparingHistories: Bool = true
    ) throws(StoreError) -> VerificationReport {
        var verification = DatabaseVerification(path: path, options: options)
        verification.comparesHistories = comparingHistories
        return try verification.run()
    }

    // MARK: the ledger

    private mutating func repairLedger(
        _ before: VerificationReport, _ identity: DatabaseIdentity, from copy: String
    ) throws(StoreError) {
        let ledger = "\(path)/ledger"
        let inspection = try LedgerInspection(
            directory: ledger, identity: identity, fileSystem: fileSystem)
        guard !inspection.segments.isEmpty else {
            failures.append(
                "\(ledger): no segment is left to repair: use the other copy in place of this folder"
            )
            return
        }
        let source = try EntrySource(copy, fileSystem: fileSystem)
        let comparesAll = before.hasUnexplainedRoot
        let witness = try treeWitness(identity)
        var tree = MerkleAccumulator()
        var pending: [Pending] = []
        for segment in inspection.segments {
            try options.cancellation?.check()
            let isNewest = segment.number + 1 == UInt32(inspection.segments.count)
            let end =
                if let next = inspection.end(of: segment) { next.rawValue } else {
                    max(isNewest ? witness : 0, try lastEntry(of: segment, inspection, identity))
                }
            guard comparesAll || before.damagedSegments.contains(segment.number) else {
                try append(segment, inspection, identity, to: &tree)
                continue
            }
            var repair = SegmentRepair(
                segment, of: inspection, identity: identity, from: source,
                comparesAll: comparesAll, end: end, after: tree)
            let draft: SegmentDraft
            do throws(StoreError) {
                if !before.damagedSegments.contains(segment.number) {
                    // Most segments need no change: that is found out before anything is written.
                    var trial = repair
                    try trial.run(writingTo: nil)
                    if trial.replaced.isEmpty {
                        tree = trial.tree
                        continue
                    }
                }
                draft = try repair.draft(fileSystem: fileSystem)
                try repair.run(writingTo: draft)
            } catch {
                guard error.code == .corruption else { throw error }
                failures.append("\(error)")
                return
            }
            if repair.replaced.isEmpty, try isWhole(segment, inspection, identity, after: tree) {
                tree = repair.tree
                continue
            }
            let written = try draft.finish()
            guard try isWhole(written, inspection, identity, after: tree) else {
                failures.append(
                    "\(segment.path): the entries of the other copy are not what this version writes"
                )
                return
            }
            pending.append(
                Pending(draft: draft, segment: segment, replaced: repair.replaced))
            tree = repair.tree
            let proof = try proof(
                of: repair, isNewest: isNewest, inspection, identity, source)
            if let proof {
                for done in pending { try commit(done, proof) }
                pending = []
            }
        }
        for left in pending {
            failures.append(
                "\(left.segment.path): no root that is left of this ledger follows from the entries of the other copy: it "
                    + "is of another history, or was changed itself. If the end of this ledger is gone, give a root that "
                    + "you trust, with --root")
        }
    }

    private mutating func commit(
        _ pending: Pending, _ proof: RepairReport.Proof
    ) throws(StoreError) {
        try pending.draft.replace()
        replacements.append(
            RepairReport.Replacement(
                segment: pending.segment.path, entries: pending.replaced, proof: proof))
    }

    /// Adds the entries of a segment that is whole to the tree.
    private func append(
        _ segment: LedgerInspection.Segment, _ inspection: LedgerInspection,
        _ identity: DatabaseIdentity, to tree: inout MerkleAccumulator
    ) throws(StoreError) {
        try inspection.forEachValidFrame(of: segment, identity: identity) { frame in
            frame.forEachEntry { entry in
                if entry.index.rawValue == tree.size.rawValue { tree.append(entry.leaf) }
            }
        }
    }

    /// Returns the index after the last entry of a segment that is in a valid frame.
    private func lastEntry(
        of segment: LedgerInspection.Segment, _ inspection: LedgerInspection,
        _ identity: DatabaseIdentity
    ) throws(StoreError) -> UInt64 {
        switch segment.state {
        case .missing, .foreign: return 0
        case .readable, .unreadable: break
        }
        var last: UInt64 = 0
        try inspection.forEachValidFrame(of: segment, identity: identity) { frame in
            last = max(last, frame.end?.rawValue ?? 0)
        }
        return last
    }

    /// Checks a segment that was written again, as a check of the database does.
    private func isWhole(
        _ written: LedgerInspection.Segment, _ inspection: LedgerInspection,
        _ identity: DatabaseIdentity, after tree: MerkleAccumulator
    ) throws(StoreError) -> Bool {
        var state = LedgerPass.State(hashKey: .random())
        state.tree = tree
        state.sums = Array(repeating: RecordSum(), count: Int(written.number))
        var pass = LedgerPass(
            inspection: inspection, identity: identity, digests: nil, places: nil,
            hashesRecords: false, expectedSize: nil, witnessedSize: 0, state: state)
        try pass.check(written)
        return pass.state.log.count == 0
    }

    // MARK: the views

    /// Removes, or marks, the views that do not agree with a ledger that is whole, so that the next start makes them
    /// again. While the ledger is damaged, they may be all that shows what it was.
    private func discardViews(_ after: VerificationReport) throws(StoreError) -> [String] {
        guard after.damagedSegments.isEmpty, failures.isEmpty, !after.isOtherHistory else {
            return []
        }
        var discarded: [String] = []
        let (tree, index) = ("\(path)/tree", "\(path)/index")
        if after.problems.contains(where: { $0.file.hasPrefix("\(tree)/") }) {
            for name in ["digests", "places"] { try fileSystem.removeFile("\(tree)/\(name)") }
            try fileSystem.synchronizeDirectory(tree)
            discarded.append(tree)
        }
        if after.problems.contains(where: { $0.file == index }) {
            let mark = Storage.damagedIndexMark(path)
            if try !fileSystem.exists(mark) { _ = try fileSystem.open(mark, .createNew) }
            try fileSystem.synchronizeDirectory(path)
            discarded.append(index)
        }
        return discarded
    }
}
