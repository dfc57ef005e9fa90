import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// Checks consecutive entries, which have a complete subtree of their own, or are the last ones of the tree: against their
/// checksums, the tree up to its root, and the key index.
///
/// First all records are read, some at a time; then they are compared with the tree as a whole. Everything is computed
/// from the ledger: two hashes an entry. No key is kept, so that the memory is bounded.
struct BlockCheck {
    static let entryCount: UInt64 = 1024

    /// Returns the number of blocks of a database.
    static func count(in size: TreeSize) -> UInt64 {
        size.rawValue / entryCount + (size.rawValue % entryCount == 0 ? 0 : 1)
    }

    /// Returns the number of the block that has an entry.
    static func number(of index: EntryIndex) -> UInt64 { index.rawValue / entryCount }

    let entries: ClosedRange<EntryIndex>
    private let storage: Storage
    private let tree: MerkleAccumulator
    private let positions: [EntryPosition]
    private var reader: RecordReader
    private let index: KeyIndex?
    /// The records read so far; nil for each that is not intact.
    private var records: [RecordReader.Record?] = []
    /// Why a record is not intact.
    private var failures: [EntryIndex: StoreError] = [:]
    /// Entries that the key index does not find.
    private var unindexed: [EntryIndex] = []

    /// - Precondition: the snapshot has the block.
    init(_ number: UInt64, of snapshot: Snapshot) throws(StoreError) {
        let first = number * Self.entryCount
        let count = min(Self.entryCount, snapshot.size.rawValue - first)
        storage = snapshot.storage
        tree = snapshot.tree
        entries = EntryIndex(first)...EntryIndex(first + count - 1)
        positions = try storage.tree.positions(from: entries.lowerBound, count: Int(count))
        reader = storage.ledger.recordReader()
        // While the index is repaired there is nothing to compare.
        index = try? storage.index.index(for: tree.size)
        records.reserveCapacity(Int(count))
    }

    var isRead: Bool { records.count == positions.count }

    /// Reads the next records, at most `count`.
    ///
    /// - Throws: `cancelled` when `goesOn` returned false; the operating system's errors.
    mutating func readNext(_ count: Int, while goesOn: () -> Bool) throws(StoreError) {
        for number in records.count..<min(records.count + count, positions.count) {
            let index = EntryIndex(entries.lowerBound.rawValue + UInt64(number))
            var record = try read(index, at: positions[number], while: goesOn)
            if let record, try !isIndexed(record) { unindexed.append(index) }
            record?.key = []
            records.append(record)
        }
    }

    private mutating func read(
        _ index: EntryIndex, at position: EntryPosition, while goesOn: () -> Bool
    ) throws(StoreError) -> RecordReader.Record? {
        do throws(StoreError) {
            let record = try reader.read(index, at: position, while: goesOn)
            guard let damage = record.damage else { return record }
            failures[index] = StoreError(
                .corruption,
                "\(damage.message). Its key as it is stored: \(Entry.shown(record.key))")
        } catch  where error.code == .corruption {
            failures[index] = error
        }
        return nil
    }

    /// Compares the records with the tree, and notes damaged entries.
    ///
    /// For a damaged view it requests a repair; that is not damage of entries.
    ///
    /// - Throws: `corruption` if the tree's files do not lead to the root, so that nothing can be said of the entries; the
    ///   files are then written again from the ledger. The operating system's errors.
    mutating func conclude(while goesOn: () -> Bool) throws(StoreError) {
        try lookForMisplaced(while: goesOn)
        for (index, error) in failures.sorted(by: { $0.key < $1.key }) {
            storage.damage.note(Damage(error: error, entries: index...index))
        }
        let changed = try compareWithTree()
        for damage in changed { storage.damage.note(damage) }
        unindexed.removeAll { index in changed.contains { $0.entries.contains(index) } }
        if let first = unindexed.first, let record = record(of: first) {
            // If the process ends before the repair, the next opening does it.
            _ = try? storage.fileSystem.open(Storage.damagedIndexMark(storage.path), .createNew)
            storage.index.noteDamage(
                StoreError(
                    .corruption,
                    "\(storage.path)/index does not find entry \(first), key \(shownKey(of: record)), and "
                        + "\(unindexed.count - 1) more of the entries \(entries.lowerBound) to "
                        + "\(entries.upperBound)"))
        }
    }

    /// Looks in the ledger itself for the entries that are not intact, or not where the file of positions says. So they
    /// are read again, in case that a disk or a cable has returned wrong bytes once.
    private mutating func lookForMisplaced(while goesOn: () -> Bool) throws(StoreError) {
        guard let first = failures.keys.min(), let last = failures.keys.max() else { return }
        var isMisplaced = false
        reader = storage.ledger.recordReader()
        for (index, position) in try storage.ledger.locate(first...last) {
            let number = Int(index.rawValue - entries.lowerBound.rawValue)
            guard failures[index] != nil,
                var record = try read(index, at: position, while: goesOn)
            else { continue }
            record.key = []
            failures[index] = nil
            records[number] = record
            if position != positions[number] { isMisplaced = true }
        }
        guard isMisplaced else { return }
        storage.log(
            .warning,
            "\(storage.tree.positions.path): positions of the entries \(entries.lowerBound) to "
                + "\(entries.upperBound) are wrong; they are written again")
        storage.tree.markDamaged()
    }

    // MARK: the tree

    /// Computes the block's subtree from the ledger, and compares it with the checked nodes above and with the file of
    /// digests.
    private func compareWithTree() throws(StoreError) -> [Damage] {
        let stored = try storedDigests()
        var nodes: [Digest] = []
        var subtree = MerkleAccumulator()
        for record in records {
            // Where there is no record the leaf that is stored has to do: if it is right, the others can be compared.
            let leaf = record?.leaf ?? stored[nodes.count]
            subtree.append(leaf) { _, digest in nodes.append(digest) }
        }
        guard try leadsToRoot(subtree) else { return try changedEntries() }
        // Of a complete block, the digests of the nodes above that its last entry completes follow.
        while nodes.count < stored.count {
            let level = Self.level + 1 + UInt8(nodes.count - Self.nodeCount)
            let position = NodePosition(
                level: level, index: entries.upperBound.rawValue >> UInt64(level))
            nodes.append(try storage.tree.upperNode(at: position, in: tree))
        }
        if nodes != stored {
            storage.log(
                .warning,
                "\(storage.tree.digests.path): digests of the entries \(entries.lowerBound) to "
                    + "\(entries.upperBound) are damaged; they are written again from the ledger")
            storage.tree.markDamaged()
        }
        return []
    }

    /// The level of a complete block's root.
    private static let level = UInt8(entryCount.trailingZeroBitCount)
    /// The nodes of a complete block.
    private static let nodeCount = Int(TreeSize(entryCount).nodeCount)

    /// Returns the digests that the block's entries have completed, as they are in the file.
    private func storedDigests() throws(StoreError) -> [Digest] {
        let start = TreeSize(entries.lowerBound.rawValue).nodeCount
        let count = Int(TreeSize(lastIndex: entries.upperBound).nodeCount - start)
        return try withUnsafeTemporaryAllocation(
            byteCount: count * Digest.byteCount, alignment: 8
        ) { buffer in
            Result { () throws(StoreError) -> [Digest] in
                try storage.tree.digests.read(into: buffer, from: start)
                return (0..<count).map {
                    Digest(loadingFrom: buffer.baseAddress! + $0 * Digest.byteCount)
                }
            }
        }.get()
    }

    private func leadsToRoot(_ subtree: MerkleAccumulator) throws(StoreError) -> Bool {
        for (position, digest) in zip(subtree.size.peaks, subtree.peaks) {
            let first = entries.lowerBound.rawValue >> UInt64(position.level)
            let own = NodePosition(level: position.level, index: first + position.index)
            guard try storage.tree.upperNode(at: own, in: tree) == digest else { return false }
        }
        return true
    }

    /// Finds the entries that differ from their leaves, each checked up to the root.
    private func changedEntries() throws(StoreError) -> [Damage] {
        var damage: [Damage] = []
        let prover = TreeProver(tree, view: storage.tree)
        for case let record? in records {
            let leaf = try prover.inclusionProof(of: record.index).leaf
            guard leaf != record.leaf else { continue }
            damage.append(
                Damage(
                    error: StoreError(
                        .tampered,
                        "\(try reader.place(of: record.index, at: record.position)), key "
                            + "\(shownKey(of: record)): the entry passes its checksum, but does not match its "
                            + "leaf, which leads to the root: somebody changed it"),
                    entries: record.index...record.index))
        }
        return damage
    }

    /// Reads the key of a record again, for a message.
    private func shownKey(of record: RecordReader.Record) -> String {
        let again = try? reader.read(record.index, at: record.position)
        return again.map { Entry.shown($0.key) } ?? "unknown"
    }

    // MARK: the key index

    private func record(of index: EntryIndex) -> RecordReader.Record? {
        records[Int(index.rawValue - entries.lowerBound.rawValue)]
    }

    /// Returns whether the key index finds an entry.
    private func isIndexed(_ record: RecordReader.Record) throws(StoreError) -> Bool {
        guard let index else { return true }
        let expected = RecordAddress(
            index: record.index, kind: record.kind, position: record.position.packed,
            length: UInt32(record.byteCount))
        do throws(StoreError) {
            if record.kind == EntryKind.sortedSetMember.rawValue {
                let found = try index.member(
                    ofLedgerKey: record.key, memberLength: record.valueByteCount)
                guard let found else { return false }
                return found.index < record.index || found == expected
            }
            return try index.version(of: record.key, at: record.index) == expected
        } catch {
            // The index is being opened again: nothing can be said of it.
            if error.code == .closed { return true }
            guard error.isDamageOfIndex else { throw error }
            return false
        }
    }
}
