import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// An entry of a ledger with damage.
struct ScannedEntry {
    let index: EntryIndex
    let position: EntryPosition
    /// The leaf; if the entry is not whole, as the tree's file has it, unchecked.
    let leaf: Digest
    /// Nil if the entry is not whole.
    let key: IndexedKey?
    var isInDamagedFrame = false
    /// Why the entry is not whole; nil if it is.
    var damage: StoreError?
}

/// The entries of a ledger, also of those frames that are damaged: there the tree's files say where each record is.
struct ScannedEntries {
    let ledger: Ledger
    let view: TreeView
    private let reader: RecordReader

    init(ledger: Ledger, view: TreeView) {
        self.ledger = ledger
        self.view = view
        reader = ledger.recordReader()
    }

    /// Calls `body` with each entry from `start` up to before `end`, and `afterFrame` with the root that each valid frame
    /// holds, after its entries.
    func forEach(
        from start: TreeSize, to end: TreeSize,
        _ body: (ScannedEntry) throws(StoreError) -> Void,
        afterFrame: (Digest) throws(StoreError) -> Void
    ) throws(StoreError) {
        let first = EntryIndex(start.rawValue)
        try ledger.forEachValidFrame(
            from: first, to: EntryIndex(end.rawValue),
            missing: { range throws(StoreError) in
                for index in range.lowerBound.rawValue..<range.upperBound.rawValue {
                    try body(entryOfDamagedFrame(EntryIndex(index)))
                }
            },
            { frame throws(StoreError) in
                try frame.forEachEntry { entry throws(StoreError) in
                    guard entry.index >= first else { return }
                    try body(
                        ScannedEntry(
                            index: entry.index, position: entry.position,
                            leaf: .leaf(index: entry.index, key: entry.key, value: entry.value),
                            key: IndexedKey(entry)))
                }
                try afterFrame(frame.root)
            })
    }

    private func entryOfDamagedFrame(_ index: EntryIndex) throws(StoreError) -> ScannedEntry {
        var position = EntryPosition(segment: 0, offset: 0)
        var leaf = Digest.emptyTree
        do throws(StoreError) {
            position = try view.position(of: index)
            leaf = try view.uncheckedLeaf(index)
            let record = try reader.read(index, at: position)
            if let damage = record.damage { throw damage }
            guard record.leaf == leaf else {
                throw StoreError(
                    .corruption,
                    "\(try reader.place(of: index, at: position)): its frame is damaged, and the record does not "
                        + "match its leaf")
            }
            return ScannedEntry(
                index: index, position: position, leaf: leaf, key: IndexedKey(record),
                isInDamagedFrame: true)
        } catch  where error.code == .corruption {
            return ScannedEntry(
                index: index, position: position, leaf: leaf, key: nil, isInDamagedFrame: true,
                damage: error)
        }
    }
}

extension IndexedKey {
    fileprivate init(_ record: RecordReader.Record) {
        self.init(
            key: record.key,
            address: RecordAddress(
                index: record.index, kind: record.kind, position: record.position.packed,
                length: UInt32(record.byteCount)),
            memberLength: record.kind == EntryKind.sortedSetMember.rawValue
                ? record.valueByteCount : 0)
    }
}
