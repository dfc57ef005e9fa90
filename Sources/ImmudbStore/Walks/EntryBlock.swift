import Ledger
import MerkleTree
import StorageIO

/// The positions and leaves of consecutive entries: one read for the positions, one for the leaves.
struct EntryBlock: Sendable {
    /// About 70 KiB of leaves, with the nodes between them.
    static let maximumCount = 1024

    private let first: EntryIndex
    private let positions: [EntryPosition]
    private let leaves: [Digest]

    /// - Parameter count: from 1 to `maximumCount`; all of the entries are in the tree.
    init(_ tree: TreeView, from first: EntryIndex, count: Int) throws(StoreError) {
        self.first = first
        positions = try tree.positions(from: first, count: count)
        leaves = try tree.uncheckedLeaves(from: first, count: count)
    }

    func contains(_ index: EntryIndex) -> Bool {
        index >= first && index.rawValue - first.rawValue < UInt64(positions.count)
    }

    /// Reads one of the entries and compares it with its leaf.
    func entry(at index: EntryIndex, of snapshot: Snapshot) throws(StoreError) -> Entry {
        let number = Int(index.rawValue - first.rawValue)
        let storage = snapshot.storage
        let entry: Entry
        do throws(StoreError) {
            entry = try Entry(
                storage.ledger.readEntry(
                    index, at: positions[number], byteCount: byteCount(number)))
        } catch  where error.code == .corruption {
            // It may be the position that is damaged.
            entry = try storage.entry(at: index)
        }
        if entry.leaf != leaves[number] { try storage.check(entry, in: snapshot.tree) }
        return entry
    }

    /// Returns the most bytes that the record of one of the entries can have. Reads its header if the next record does
    /// not follow it.
    func recordByteCount(at index: EntryIndex, of snapshot: Snapshot) throws(StoreError) -> Int {
        if let byteCount = byteCount(Int(index.rawValue - first.rawValue)) { return byteCount }
        return try snapshot.storage.recordByteCount(at: index)
    }

    /// Returns the most bytes that the record can have, by the position of the next one; nil if unknown.
    private func byteCount(_ number: Int) -> Int? {
        guard number + 1 < positions.count else { return nil }
        let (this, next) = (positions[number], positions[number + 1])
        guard this.segment == next.segment, this.offset < next.offset else { return nil }
        return Int(next.offset - this.offset)
    }
}
