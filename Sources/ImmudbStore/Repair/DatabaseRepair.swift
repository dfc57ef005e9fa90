import ImmudbModel
import Ledger
import MerkleTree
import StorageIO

/// One repair of a database's files: see ``Database/repair(at:from:options:)``.
struct DatabaseRepair {
    let path: String
    /// Where entries come from; nil to repair nothing but the views.
    let sourceOfEntries: RepairSource?
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

    init(path: String, from source: RepairSource?, options: VerificationOptions) {
        self.path = path
        sourceOfEntries = source
        self.options = options
        fileSystem = options.fileSystem
    }

    /// Repairs the folder, which the caller has locked, as it has the other copy.
    mutating func run() throws(StoreError) -> RepairReport {
        let before = try verify()
        if !before.damagedSegments.isEmpty || before.hasOtherTree {
            if let sourceOfEntries {
                try repairLedger(before, from: try sourceOfEntries.open(fileSystem))
            } else {
                failures.append(
                    before.hasOtherTree
                        ? "\(path): the ledger and the tree state different histories: give a root that you trust, over the "
                            + "first \(doubtEnd(before)) entries or more, with --root, and a copy that has it, with --from"
                        : "\(path): \(before.damagedSegments.count) segments of the ledger are damaged, and only another "
                            + "copy, or a backup, has what is missing: name it with --from")
            }
        }
        if before.isOtherHistory, !before.hasOtherTree, before.damagedSegments.isEmpty {
            let isShorter = options.expectedRoot.map { before.size < $0.size } ?? false
            failures.append(
                isShorter
                    ? "\(path): what is there is whole, but it ends before the root of --root: it is an older state, or its "
                        + "end was cut. Put a copy or a restored backup that has the root in its place"
                    : "\(path): nothing is damaged, but the history is not that of --root: either the root is of another "
                        + "database, or somebody has replaced the history. Put a copy, or a restored backup, that has "
                        + "the root in its place")
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
        _ before: VerificationReport, from source: any EntrySource
    ) throws(StoreError) {
        let identity = before.identity ?? source.identity
        let inspection = try LedgerInspection(
            directory: "\(path)/ledger", identity: identity, fileSystem: fileSystem)
        let history = try knownHistory(before, identity, source)
        do throws(StoreError) {
            if inspection.segments.contains(where: \.isFile) {
                guard !before.hasOtherTree || history != nil else {
                    return failures.append(
                        "\(path): the ledger and the tree state different histories, and no root shows which one is right: "
                            + "give one over the first \(doubtEnd(before)) entries, or more, with --root"
                    )
                }
                try replaceSegments(inspection, identity, before, history, source)
            } else {
                try rebuild(inspection, identity, history, source)
            }
        } catch {
            guard error.code == .corruption || error.code == .otherHistory else { throw error }
            failures.append("\(error)")
        }
    }

    private mutating func replaceSegments(
        _ inspection: LedgerInspection, _ identity: DatabaseIdentity, _ before: VerificationReport,
        _ history: KnownHistory?, _ source: any EntrySource
    ) throws(StoreError) {
        let comparesAll = before.hasUnexplainedRoot && history == nil
        let witness = try treeWitness(identity)
        var tree = MerkleAccumulator()
        var pending: [Pending] = []
        for segment in inspection.segments {
            try options.cancellation?.check()
            let isNewest = segment.number + 1 == UInt32(inspection.segments.count)
            let isDamaged =
                before.damagedSegments.contains(segment.number) || !segment.isReadable
            guard comparesAll || isDamaged || history != nil else {
                try append(segment, inspection, identity, to: &tree)
                continue
            }
            let end =
                if let next = inspection.end(of: segment) { next.rawValue } else {
                    max(isNewest ? witness : 0, try lastEntry(of: segment, inspection, identity))
                }
            var repair = SegmentRepair(
                segment, of: inspection, identity: identity, from: source, end: end, after: tree)
            repair.comparesAll = comparesAll
            repair.history = history
            if !segment.isFile, !isNewest, !inspection.segments[Int(segment.number) + 1].isFile {
                // Of what the next whole segment begins after, each missing one gets a part.
                repair.byteLimit = Int(options.segmentByteCount)
            }
            if !isDamaged {
                // Most segments need no change: that is found out before anything is written.
                var trial = repair
                try trial.run(writingTo: nil)
                if trial.isUnchanged, try hasRightHead(segment, after: tree) {
                    tree = trial.tree
                    continue
                }
            }
            let draft = try repair.draft(fileSystem: fileSystem)
            try repair.run(writingTo: draft)
            if repair.isUnchanged, try isWhole(segment, inspection, identity, after: tree) {
                tree = repair.tree
                continue
            }
            guard try isWhole(try draft.finish(), inspection, identity, after: tree) else {
                throw StoreError(
                    .corruption,
                    "\(segment.path): the entries of the other copy are not what this version writes"
                )
            }
            pending.append(Pending(draft: draft, segment: segment, replaced: repair.replaced))
            tree = repair.tree
            let proof =
                if let history { history.proof } else {
                    try proof(of: repair, isNewest: isNewest, inspection, identity, source)
                }
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

    /// Whether the head of a segment states the tree before it.
    private func hasRightHead(
        _ segment: LedgerInspection.Segment, after tree: MerkleAccumulator
    ) throws(StoreError) -> Bool {
        guard case .readable(let head) = segment.state else { return false }
        return head.rootBefore == tree.root
    }

    private mutating func commit(
        _ pending: Pending, _ proof: RepairReport.Proof
    ) throws(StoreError) {
        try pending.draft.replace()
        replacements.append(
            RepairReport.Replacement(
                segment: pending.segment.path, entries: pending.replaced, proof: proof))
    }

    /// Makes a ledger of which no segment is left.
    private mutating func rebuild(
        _ inspection: LedgerInspection, _ identity: DatabaseIdentity, _ history: KnownHistory?,
        _ source: any EntrySource
    ) throws(StoreError) {
        guard history != nil || options.expectedRoot?.size.isEmpty == false else {
            return failures.append(
                "\(inspection.directory): no segment is left, and nothing in this folder proves the entries of the other "
                    + "copy: give a root that you trust, with --root")
        }
        let rebuild = LedgerRebuild(
            inspection: inspection, identity: identity, source: source, fileSystem: fileSystem,
            history: history, expectedRoot: options.expectedRoot,
            segmentByteCount: Int(options.segmentByteCount))
        do throws(StoreError) {
            replacements = try rebuild.run { segment, tree throws(StoreError) in
                try options.cancellation?.check()
                return try isWhole(segment, inspection, identity, after: tree)
            }
        } catch  where error.code == .corruption {
            failures.append(
                "\(error). No file of the folder was changed. If no copy or backup has more, use this one in place of the "
                    + "folder: what is later is lost then")
        }
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
        guard segment.isFile else { return 0 }
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

    /// Removes both views if one does not agree with a ledger that is whole, so that the next start makes them again. While
    /// the ledger is damaged, they may be all that shows what it was.
    private func discardViews(_ after: VerificationReport) throws(StoreError) -> [String] {
        guard after.damagedSegments.isEmpty, failures.isEmpty, !after.isOtherHistory else {
            return []
        }
        let views = ["\(path)/tree", "\(path)/index"]
        guard
            after.problems.contains(where: { problem in
                views.contains { problem.file == $0 || problem.file.hasPrefix("\($0)/") }
            })
        else { return [] }
        // If this is interrupted, nobody takes what is left for an index.
        let mark = Storage.damagedIndexMark(path)
        if try !fileSystem.exists(mark) { _ = try fileSystem.open(mark, .createNew) }
        try fileSystem.synchronizeDirectory(path)
        for folder in views where try fileSystem.exists(folder) {
            for name in try fileSystem.names(inDirectory: folder) {
                try fileSystem.removeFile("\(folder)/\(name)")
            }
            try fileSystem.synchronizeDirectory(folder)
        }
        try fileSystem.removeFile(mark)
        try fileSystem.synchronizeDirectory(path)
        return views
    }
}
