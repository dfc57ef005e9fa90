import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// Opens a folder: takes its lock, recovers the ledger, and brings the views up to it.
struct Opening {
    let path: String
    let fileSystem: any FileSystem
    let options: Database.Options
    let resources: StoreResources
    let log: LogSink

    struct Opened {
        var storage: Storage
        var tree: MerkleAccumulator
        var lock: any FileLock
        /// The damage of the ledger because of which it is only read; nil if there is none.
        var damage: StoreError?
    }

    /// The views, brought up to the ledger.
    private struct Views {
        var index: KeyIndex
        var grown: MerkleAccumulator
        var damage: StoreError?
        var unindexed: Range<EntryIndex>?
    }

    init(path: String, options: Database.Options, resources: StoreResources) {
        self.path = path
        self.options = options
        self.resources = resources
        fileSystem = options.fileSystem
        log = options.log
    }

    private var ledgerPath: String { "\(path)/ledger" }
    private var treePath: String { "\(path)/tree" }

    func run() throws(StoreError) -> Opened {
        try fileSystem.createDirectory(path)
        let lock = try fileSystem.lock("\(path)/LOCK")
        try refuseForeignFolder()
        var ledgerOptions = Ledger.Options()
        ledgerOptions.segmentByteCount = options.segmentByteCount
        ledgerOptions.openSegmentCount = options.openSegmentCount
        ledgerOptions.servesDamaged = options.servesDamaged
        let ledger = try Ledger(
            directory: ledgerPath, fileSystem: fileSystem, options: ledgerOptions,
            witness: { index, identity throws(StoreError) in
                try TreeView.evidence(
                    about: index, directory: treePath, identity: identity, fileSystem: fileSystem)
            }, log: log)
        let tree = try TreeView(
            directory: treePath, identity: ledger.identity, fileSystem: fileSystem,
            cache: resources.nodes, log: log)
        let barrier = LedgerBarrier(ledger, isNeeded: options.durability != .always)
        let index = IndexOpening(
            path: path, ledger: ledger, barrier: barrier, options: options,
            resources: resources.index)
        let damage = DamageRegister(log: log)
        let views = try views(of: ledger, tree, index, damage)
        let upkeepCancellation = Cancellation()
        let keeper = IndexKeeper(
            views.index, path: index.indexPath, ledger: ledger, cancellation: upkeepCancellation,
            log: log,
            open: { isDamaged throws(StoreError) in
                isDamaged ? try index.rebuild() : try index.open(at: nil)
            })
        let storage = Storage(
            path: path, ledger: ledger, tree: tree, index: keeper, barrier: barrier,
            upkeepCancellation: upkeepCancellation, damage: damage, unindexed: views.unindexed,
            fileSystem: fileSystem, log: log)
        return Opened(storage: storage, tree: views.grown, lock: lock, damage: views.damage)
    }

    private func views(
        of ledger: Ledger, _ tree: TreeView, _ index: IndexOpening, _ register: DamageRegister
    ) throws(StoreError) -> Views {
        if let damage = ledger.damage {
            return try viewsOfDamaged(ledger, tree, index, register, damage)
        }
        do throws(StoreError) {
            var opened = try index.open(at: ledger.size)
            let grown = try bringUp(ledger, tree, &opened, rebuild: index.rebuild)
            return Views(index: opened, grown: grown)
        } catch  where options.servesDamaged && [.corruption, .tampered].contains(error.code) {
            return try viewsOfDamaged(ledger, tree, index, register, error)
        }
    }

    /// Brings the views up to what is whole of a ledger, and notes the rest.
    private func viewsOfDamaged(
        _ ledger: Ledger, _ tree: TreeView, _ index: IndexOpening, _ register: DamageRegister,
        _ damage: StoreError
    ) throws(StoreError) -> Views {
        // Entries that the index has beyond the ledger's end are in no snapshot.
        let opened = try index.open(at: nil)
        let outcome: DamagedCatchUp.Outcome
        do throws(StoreError) {
            outcome = try DamagedCatchUp(
                ledger: ledger, view: tree, index: opened, register: register,
                cancellation: options.cancellation
            ).run()
            // The next opening builds it again, with the keys that are unknown now.
            if outcome.unindexed != nil {
                _ = try? fileSystem.open(Storage.damagedIndexMark(path), .createNew)
            }
        } catch {
            opened.close()
            throw error
        }
        let proven = outcome.tree.size
        // Entries that are damaged themselves are noted already.
        if proven < ledger.size || register.rangeCount == 0 {
            register.note(Damage(error: damage, entries: Self.place(of: outcome, in: ledger)))
        }
        log(
            .error,
            "\(path) is damaged and only read: the entries before \(proven) are served as far as they are whole, of "
                + "\(ledger.size) that the ledger names. \(damage)")
        return Views(
            index: opened, grown: outcome.tree, damage: damage, unindexed: outcome.unindexed)
    }

    /// Brings the views up to the ledger. A key index that turns out to be damaged is rebuilt, once.
    ///
    /// - Throws: the error that prevents it; the key index is closed then.
    private func bringUp(
        _ ledger: Ledger, _ tree: TreeView, _ index: inout KeyIndex,
        rebuild: () throws(StoreError) -> KeyIndex
    ) throws(StoreError) -> MerkleAccumulator {
        var isRebuilt = false
        while true {
            do throws(StoreError) {
                return try CatchUp(
                    ledger, tree, index, isWitness: options.durability == .always, path: path,
                    options: options
                ).run()
            } catch {
                index.close()
                guard error.code == .index, !isRebuilt else { throw error }
                log(.warning, "\(error). That is done now")
            }
            index = try rebuild()
            isRebuilt = true
        }
    }

    /// Returns the entries that cannot be proven, else those whose frames are damaged, else the one that is missing at the
    /// ledger's end.
    private static func place(
        of outcome: DamagedCatchUp.Outcome, in ledger: Ledger
    ) -> ClosedRange<EntryIndex> {
        let proven = outcome.tree.size
        if proven < ledger.size, let last = ledger.size.lastIndex {
            return EntryIndex(proven.rawValue)...last
        }
        if let range = outcome.inDamagedFrames {
            return range.lowerBound...EntryIndex(range.upperBound.rawValue - 1)
        }
        return EntryIndex(proven.rawValue)...EntryIndex(proven.rawValue)
    }

    /// Refuses to create a database in a folder with other files, or in one that was a database.
    private func refuseForeignFolder() throws(StoreError) {
        let names = Set(try fileSystem.names(inDirectory: path))
            .subtracting(["LOCK", "index.damaged", CheckStateFile.draftName])
        let inLedger = names.contains("ledger") ? try fileSystem.names(inDirectory: ledgerPath) : []
        guard !inLedger.contains(where: { $0.hasSuffix(".segment") }) else { return }
        let views = names.intersection(["tree", "index", CheckStateFile.name])
        guard views.isEmpty else {
            throw StoreError(
                .corruption,
                "\(ledgerPath) holds no segments, but \(path) was a database: it has \(views.sorted()). "
                    + "The history is missing. Restore the folder from a backup, or name another one"
            )
        }
        guard names.subtracting(["ledger"]).isEmpty else {
            throw StoreError(
                .incompatibleFormat,
                "\(path) is not empty and holds no database of this version: it has "
                    + "\(names.sorted().prefix(5).joined(separator: ", ")). Name an empty or new folder, "
                    + "or open it with the program that wrote it")
        }
    }
}
