import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO
import Synchronization

/// The open parts of a database: the ledger, and its views. Shared by the commit pipeline, which
/// writes, and the snapshots, which read.
final class Storage: Sendable {
    let path: String
    let ledger: Ledger
    let tree: TreeView
    let index: IndexKeeper
    let barrier: LedgerBarrier
    /// Stops the repair of views when the database is closed.
    let upkeepCancellation: Cancellation
    /// What damage of entries is known.
    let damage: DamageRegister
    /// Entries that may be missing in the key index, since their keys are unknown; nil if it has all.
    let unindexed: Range<EntryIndex>?
    let log: LogSink
    let fileSystem: any FileSystem
    private let isClosed = Atomic(false)
    /// Whether it is closed because another database takes its place.
    let isReplaced = Atomic(false)
    /// Whether damage of the key index has been logged as an error.
    private let hasReportedDamage = Atomic(false)

    init(
        path: String, ledger: Ledger, tree: TreeView, index: IndexKeeper, barrier: LedgerBarrier,
        upkeepCancellation: Cancellation, damage: DamageRegister, unindexed: Range<EntryIndex>?,
        fileSystem: any FileSystem, log: @escaping LogSink
    ) {
        self.path = path
        self.fileSystem = fileSystem
        self.ledger = ledger
        self.tree = tree
        self.index = index
        self.barrier = barrier
        self.upkeepCancellation = upkeepCancellation
        self.log = log
        self.damage = damage
        self.unindexed = unindexed
    }

    func requireOpen() throws(StoreError) {
        if isClosed.load(ordering: .acquiring) {
            if isReplaced.load(ordering: .acquiring) {
                throw StoreError(
                    .indexBehind,
                    "the database is being replaced by a restored one; try again in a moment")
            }
            throw StoreError(.closed, "the database \(path) is closed")
        }
    }

    func close() {
        isClosed.store(true, ordering: .releasing)
        index.close()
    }

    func freeSpace() throws(StoreError) -> FreeSpace { try fileSystem.freeSpace(at: path) }

    /// Uses the key index for a read of a snapshot of `size`. If the index turns out to be damaged, the next opening
    /// rebuilds it.
    ///
    /// - Throws: `indexBehind` while the key index lacks entries of the snapshot; `corruption` if it lacks keys of damaged
    ///   entries.
    func withIndex<Value>(
        for size: TreeSize, _ body: (KeyIndex) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        if let unindexed { throw unknownKeys(unindexed) }
        return try withAnyIndex(for: size, body)
    }

    /// Finds the newest entry of a key.
    ///
    /// - Throws: as ``withIndex(for:_:)``, unless the entry that is found is newer than those whose keys are unknown.
    func newest(of key: [UInt8], in size: TreeSize) throws(StoreError) -> RecordAddress? {
        let found = try withAnyIndex(for: size) { index throws(StoreError) in
            try index.newest(of: key, in: size)
        }
        if let unindexed, found.map({ $0.index < unindexed.upperBound }) ?? true {
            throw unknownKeys(unindexed)
        }
        return found
    }

    private func unknownKeys(_ range: Range<EntryIndex>) -> StoreError {
        StoreError(
            .corruption,
            "the keys of damaged entries, from \(range.lowerBound) up to before \(range.upperBound), are unknown: what "
                + "is asked for may be one of them")
    }

    private func withAnyIndex<Value>(
        for size: TreeSize, _ body: (KeyIndex) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        do throws(StoreError) {
            return try body(try index.index(for: size))
        } catch {
            if error.code == .closed || error.code == .indexBehind { try requireOpen() }
            if error.code == .closed {
                // The key index was closed in order to be opened again.
                throw StoreError(
                    .indexBehind, "the key index is being opened again; try again later")
            }
            if error.code == .corruption || error.code == .index {
                let isKnown = hasReportedDamage.exchange(true, ordering: .relaxed)
                log(
                    isKnown ? .debug : .error,
                    "\(error); the key index is rebuilt at the next start")
                // If even this fails, the next opening finds the damage itself.
                _ = try? fileSystem.open(Self.damagedIndexMark(path), .createNew)
            }
            throw error
        }
    }

    /// The path of a file whose existence marks the key index as damaged.
    static func damagedIndexMark(_ path: String) -> String { "\(path)/index.damaged" }

    /// Reads an entry by its index.
    ///
    /// If its position is wrong, the entry is looked up in the ledger itself: the file of positions is a view, and
    /// damage of it must not hide an entry.
    func entry(at index: EntryIndex) throws(StoreError) -> Entry {
        do throws(StoreError) {
            return try readEntry(at: index)
        } catch  where error.code == .corruption {
            return try readAgain(index)
        }
    }

    /// Reads an entry a second time, since a disk or a cable may have returned wrong bytes once, and notes the damage if
    /// it is not intact then.
    private func readAgain(_ index: EntryIndex) throws(StoreError) -> Entry {
        do throws(StoreError) {
            let entry = try readEntry(at: index)
            log(.warning, "\(path): entry \(index) was read wrongly once; check the disk")
            return entry
        } catch  where error.code == .corruption {
            damage.note(Damage(error: error, entries: index...index))
            var named = error
            named.damagedEntry = index
            throw named
        }
    }

    private func readEntry(at index: EntryIndex) throws(StoreError) -> Entry {
        var position: EntryPosition?
        do throws(StoreError) {
            let stored = try tree.position(of: index)
            position = stored
            return try Entry(ledger.readEntry(index, at: stored))
        } catch {
            // Of an entry that is known to be damaged the segment is not searched again.
            guard error.code == .corruption, !damage.isNoted(index...index),
                let found = try ledger.locate(index), found != position
            else { throw error }
            log(
                .warning,
                "\(tree.positions.path): the position of entry \(index) is wrong; it is written again"
            )
            tree.markDamaged()
            return try Entry(ledger.readEntry(index, at: found))
        }
    }

    /// Returns the size of an entry's record by its header, which is not checked; 0 if the record is not found, since
    /// reading the entry will report the reason.
    func recordByteCount(at index: EntryIndex) throws(StoreError) -> Int {
        do throws(StoreError) {
            return try ledger.recordByteCount(index, at: tree.position(of: index))
        } catch  where error.code == .corruption {
            return 0
        }
    }

    /// Reads the entry that the key index names, and checks that it has the key.
    func entry(at address: RecordAddress, key: [UInt8]) throws(StoreError) -> Entry {
        let position = EntryPosition(packed: address.position)
        let entry: Entry
        do throws(StoreError) {
            entry = try Entry(
                ledger.readEntry(address.index, at: position, byteCount: Int(address.length)))
        } catch  where error.code == .corruption {
            entry = try self.entry(at: address.index)
        }
        guard entry.key == key else {
            throw StoreError(
                .corruption,
                "\(path)/index: the key index names entry \(address.index), which has another key. Stop the "
                    + "database and remove that folder; it is rebuilt from the ledger")
        }
        return entry
    }

    /// Compares an entry with its leaf on disk: one read of 32 bytes, one hash.
    ///
    /// Only if they differ is the leaf checked up to the root: it may be the file of digests that is damaged.
    func check(_ entry: Entry, in tree: MerkleAccumulator) throws(StoreError) {
        if try self.tree.uncheckedLeaf(entry.index) == entry.leaf { return }
        let checked = try TreeProver(tree, view: self.tree).inclusionProof(of: entry.index).leaf
        guard checked == entry.leaf else { throw tampered(entry.index) }
    }

    func tampered(_ index: EntryIndex) -> StoreError {
        damage.note(
            Damage(
                error: StoreError(
                    .tampered,
                    "\(path), entry \(index): it passes its checksum, but does not match its leaf, which leads to "
                        + "the root: somebody changed it"),
                entries: index...index))
        return StoreError(.tampered, "entry \(index) does not match its leaf")
    }
}

extension Entry {
    init(_ entry: LedgerEntry) throws(StoreError) {
        guard let kind = EntryKind(rawValue: entry.kind) else {
            throw StoreError(
                .incompatibleFormat,
                "entry \(entry.index) is of kind \(entry.kind), which this version does not know")
        }
        self.init(index: entry.index, kind: kind, key: entry.key, value: entry.value)
    }
}
