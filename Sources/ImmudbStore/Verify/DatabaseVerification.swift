import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// One check of a database's files: see ``Database/verify(at:options:)``.
struct DatabaseVerification {
    let path: String
    let options: VerificationOptions
    private let fileSystem: InspectionFileSystem
    private let start = ContinuousClock.now
    private var log = ProblemLog()
    private var isOtherHistory = false
    private var hasOtherTree = false
    /// Whether a tree that is consistent in itself counts as another history than the ledger's.
    var comparesHistories = true

    init(path: String, options: VerificationOptions) {
        self.path = path
        self.options = options
        fileSystem = InspectionFileSystem(options)
    }

    private var ledgerPath: String { "\(path)/ledger" }
    private var treePath: String { "\(path)/tree" }
    private var indexPath: String { "\(path)/index" }

    /// Checks the folder, which the caller has locked.
    mutating func run() throws(StoreError) -> VerificationReport {
        do throws(StoreError) {
            return try check()
        } catch {
            // A call below may have turned the cancellation into an error of its own.
            try options.cancellation?.check()
            throw error
        }
    }

    private mutating func check() throws(StoreError) -> VerificationReport {
        var inspection = try LedgerInspection(directory: ledgerPath, fileSystem: fileSystem)
        var identity = inspection.identity
        if identity == nil { identity = try identityOfTree() }
        guard !inspection.segments.isEmpty, let identity else {
            // Without a segment that counts as damaged, a repair would take the folder for a whole, empty ledger.
            log.add(
                VerificationProblem(
                    .missing, ledgerPath,
                    "no segment is there, or none is readable: the history is gone"), inSegment: 0)
            return report(identity, LedgerPass.State(hashKey: .random()))
        }
        if inspection.identity == nil {
            inspection = try LedgerInspection(
                directory: ledgerPath, identity: identity, fileSystem: fileSystem)
        }
        let digests = try records("digests", .digests, identity)
        let places = try records("places", .positions, identity)
        let index = try openIndex(identity)
        for segment in inspection.segments { fileSystem.expect(segment.byteCount) }
        for file in [digests, places] {
            fileSystem.expect((file?.mark ?? 0) * UInt64(file?.recordByteCount ?? 0))
        }
        fileSystem.expect(2 * (index?.byteCount ?? 0))

        var pass = LedgerPass(
            inspection: inspection, identity: identity, digests: digests, places: places,
            hashesRecords: index != nil, expectedSize: options.expectedRoot?.size,
            witnessedSize: try TreeWitness(digests: digests, places: places).size(),
            state: LedgerPass.State(hashKey: .random()))
        let first = resume(&pass)
        for segment in inspection.segments[first...] {
            try pass.check(segment)
            for problem in fileSystem.takeUnreadable() { pass.state.log.add(problem) }
            if !pass.isNewest { giveState(of: pass) }
        }
        for problem in log.problems { pass.state.log.add(problem) }
        for note in log.notes { pass.state.log.note(note) }
        compareWithExpectedRoot(&pass)
        try compareHistories(&pass)
        if let index {
            var check = IndexCheck(
                index: index, fileSystem: fileSystem, inspection: inspection, identity: identity,
                size: pass.state.tree.size, sums: pass.state.sums, hashKey: pass.state.hashKey,
                log: pass.state.log)
            try check.run()
            pass.state.log = check.log
            for problem in fileSystem.takeUnreadable() { pass.state.log.add(problem) }
        }
        return report(identity, pass.state)
    }

    // MARK: the views

    private func identityOfTree() throws(StoreError) -> DatabaseIdentity? {
        let path = "\(treePath)/digests"
        guard try fileSystem.exists(path) else { return nil }
        let head = try fileSystem.open(path, .readOnly)
            .read(byteCount: ViewHead.usedByteCount, at: 0)
        return StoredRecords.identity(in: head)
    }

    /// Opens a file of the tree. What is wrong with it as a whole is a problem.
    private mutating func records(
        _ name: String, _ kind: ViewHead.Kind, _ identity: DatabaseIdentity
    ) throws(StoreError) -> StoredRecords? {
        let path = "\(treePath)/\(name)"
        guard try fileSystem.exists(path) else {
            // A folder that was just restored has no views yet.
            guard try fileSystem.exists(treePath) else {
                log.note("\(path) is not there yet: it is made at the next start")
                return nil
            }
            add(.view, path, "the file is missing. The next start makes it from the ledger")
            return nil
        }
        do throws(StoreError) {
            let records = try StoredRecords(
                path: path, kind: kind, identity: identity, fileSystem: fileSystem)
            if records.mark < records.statedMark {
                add(
                    .view, path,
                    "the file ends before the record \(records.statedMark), which its head states to be there"
                )
            }
            return records
        } catch {
            guard error.isDamageOfIndex else { throw error }
            add(
                error.code == .foreignDatabase ? .foreign : .view, path, at: 0,
                "\(error). The next start makes the file again from the ledger")
            return nil
        }
    }

    private mutating func openIndex(
        _ identity: DatabaseIdentity
    ) throws(StoreError) -> IndexInspection? {
        if try fileSystem.exists(Storage.damagedIndexMark(path)) {
            add(.view, indexPath, "the server found it damaged. The next start rebuilds it")
        }
        if try !fileSystem.exists(indexPath), try !fileSystem.exists(treePath) {
            log.note("\(indexPath) is not there yet: it is made at the next start")
            return nil
        }
        guard try fileSystem.exists("\(indexPath)/CURRENT") else {
            add(
                .view, indexPath,
                "the key index, or its file CURRENT, is missing. The next start rebuilds it")
            return nil
        }
        do throws(StoreError) {
            return try IndexInspection(
                at: indexPath, identity: identity, fileSystem: fileSystem, log: { _, _ in })
        } catch {
            try fileSystem.checkFailure()
            guard error.isDamageOfIndex else { throw error }
            add(error.code == .foreignDatabase ? .foreign : .view, indexPath, "\(error)")
            return nil
        }
    }

    // MARK: going on

    /// Takes the state over from which to go on, if it fits.
    /// - Returns: the number of the first segment to check.
    private func resume(_ pass: inout LedgerPass) -> Int {
        guard let resumed = options.resumed else { return 0 }
        guard
            let state = resumed.passState(
                identity: pass.identity, segmentCount: pass.inspection.segments.count,
                expectedRoot: options.expectedRoot),
            case .readable(let head) = pass.inspection.segments[Int(resumed.segment)].state,
            head.firstIndex.rawValue == state.tree.size.rawValue
        else {
            pass.state.log.note(
                "the state of an earlier check does not fit this folder, or the root that was given: the check begins "
                    + "at the first entry")
            return 0
        }
        pass.state = state
        pass.state.log.note("the segments before \(resumed.segment) were checked earlier")
        return Int(resumed.segment)
    }

    private func giveState(of pass: LedgerPass) {
        options.onState(
            VerificationState(
                pass.state, segment: UInt32(pass.state.sums.count), identity: pass.identity,
                expectedRoot: options.expectedRoot, byteCount: byteCount))
    }

    private var byteCount: UInt64 { fileSystem.byteCount + (options.resumed?.byteCount ?? 0) }

    // MARK: the result

    private mutating func compareWithExpectedRoot(_ pass: inout LedgerPass) {
        guard let expected = options.expectedRoot, !expected.size.isEmpty else { return }
        let size = pass.state.tree.size
        let problem: VerificationProblem
        if size < expected.size {
            problem = VerificationProblem(
                .rolledBack, path, entries: size.rawValue..<expected.size.rawValue,
                "the folder has \(size) entries, and the expected root covers \(expected.size): it is an older state, "
                    + "or entries were removed from its end")
        } else if let root = pass.state.rootAtExpectedSize {
            if root == expected.root { return }
            problem = VerificationProblem(
                .otherHistory, path, entries: 0..<expected.size.rawValue,
                "the first \(expected.size) entries have the root \(root), and not the expected \(expected.root): the "
                    + "history was changed, or is another one")
        } else {
            problem = VerificationProblem(
                .otherHistory, path, entries: 0..<expected.size.rawValue,
                "the root over the first \(expected.size) entries cannot be computed: too much of them is missing"
            )
        }
        isOtherHistory = true
        pass.state.log.add(problem)
    }

    /// Finds a tree whose files are consistent in themselves, and state another history than the ledger does.
    private mutating func compareHistories(_ pass: inout LedgerPass) throws(StoreError) {
        guard comparesHistories, pass.otherLeafEnd > 0, let digests = pass.digests else { return }
        if let expected = options.expectedRoot, expected.root == pass.state.rootAtExpectedSize,
            expected.size.rawValue >= pass.otherLeafEnd
        {
            return
        }
        guard try digests.isTree() else { return }
        isOtherHistory = true
        hasOtherTree = true
        pass.state.log.add(
            VerificationProblem(
                .otherHistory, digests.path,
                "the ledger and the tree state different histories: one of them was changed; name a root that you "
                    + "know with --root"))
    }

    private mutating func add(
        _ kind: VerificationProblem.Kind, _ file: String, at offset: Int? = nil, _ what: String
    ) {
        log.add(VerificationProblem(kind, file, at: offset, what))
    }

    private func report(
        _ identity: DatabaseIdentity?, _ state: LedgerPass.State
    ) -> VerificationReport {
        let log = identity == nil || state.sums.isEmpty ? self.log : state.log
        return VerificationReport(
            path: path, identity: identity, size: state.tree.size, root: state.tree.root,
            problems: log.problems, problemCount: log.count, notes: log.notes,
            byteCount: byteCount, duration: ContinuousClock.now - start,
            damagedSegments: log.damagedSegments, hasUnexplainedRoot: log.hasUnexplainedRoot,
            isOtherHistory: isOtherHistory, hasOtherTree: hasOtherTree)
    }
}
