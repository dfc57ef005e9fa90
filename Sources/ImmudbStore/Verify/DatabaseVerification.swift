import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// One check of a database's files: see ``Database/verify(at:options:)``.
struct DatabaseVerification {
    let path: String
    let options: VerificationOptions
    let fileSystem: InspectionFileSystem
    private let start = ContinuousClock.now
    var log = ProblemLog()
    private var isOtherHistory = false
    private var hasOtherTree = false
    private var otherLeafEnd: UInt64 = 0
    private var hasSegments = true
    /// Whether a tree that is consistent in itself counts as another history than the ledger's.
    var comparesHistories = true

    init(path: String, options: VerificationOptions) {
        self.path = path
        self.options = options
        fileSystem = InspectionFileSystem(options)
    }

    var ledgerPath: String { "\(path)/ledger" }
    var treePath: String { "\(path)/tree" }
    var indexPath: String { "\(path)/index" }

    /// Checks the folder, which the caller has locked.
    mutating func run() throws(StoreError) -> VerificationReport {
        defer { fileSystem.end() }
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
        guard inspection.segments.contains(where: \.isFile), let identity else {
            // Without a segment that counts as damaged, a repair would take the folder for a whole, empty ledger.
            hasSegments = false
            for segment in inspection.segments {
                guard case .occupied(let error) = segment.state else { continue }
                log.add(
                    VerificationProblem(.missing, segment.path, error.message),
                    inSegment: segment.number)
            }
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
        try noteMissingViews()
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
        let walk = try walk(over: index, beside: pass)
        defer {
            fileSystem.end()
            walk?.join()
        }
        for segment in inspection.segments[first...] {
            try pass.check(segment)
            for problem in fileSystem.takeUnreadable(except: indexPath) {
                pass.state.log.add(problem)
            }
            if !pass.isNewest { giveState(of: pass) }
        }
        for problem in log.problems { pass.state.log.add(problem) }
        for note in log.notes { pass.state.log.note(note) }
        compareWithExpectedRoot(&pass)
        try compareHistories(&pass)
        if let index, let walk {
            var check = IndexCheck(
                index: index, walk: walk, fileSystem: fileSystem, inspection: inspection,
                identity: identity,
                size: pass.state.tree.size, sums: pass.state.sums, hashKey: pass.state.hashKey,
                log: pass.state.log)
            try check.run()
            pass.state.log = check.log
            for problem in fileSystem.takeUnreadable() { pass.state.log.add(problem) }
        }
        return report(identity, pass.state)
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
        otherLeafEnd = pass.otherLeafEnd
        pass.state.log.add(
            VerificationProblem(
                .otherHistory, digests.path,
                "the ledger and the tree state different histories: one of them was changed; name a root that you "
                    + "know with --root"))
    }

    mutating func add(
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
            isOtherHistory: isOtherHistory, hasOtherTree: hasOtherTree,
            otherLeafEnd: otherLeafEnd, hasSegments: hasSegments)
    }
}
