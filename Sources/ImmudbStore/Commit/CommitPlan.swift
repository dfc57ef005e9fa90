import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree

/// The result of a group of units at a position of the ledger, after a tree: leaves and nodes, the new root, the
/// records of the key index, and the encoded frame.
///
/// Planning is a function of the units, the tree before them, and the position. It reads no disk and changes only the
/// frame's buffer, so it can be repeated for another tree and position. An entry costs one leaf, the nodes that it
/// completes, one copy into the frame and two checksums there.
struct CommitPlan {
    /// The tree before the group.
    let before: TreeSize
    /// The tree after the group.
    let tree: MerkleAccumulator
    /// The edge of `tree`.
    let edge: TreeEdge
    /// The records to be added to the tree files.
    let addition: TreeAddition
    /// The records to be added to the key index.
    let keys: [IndexedKey]
    /// The group as the ledger holds it. The plan borrows its bytes: they are valid until the next plan is made with
    /// the same buffer.
    let frame: FrameBuffer

    /// - Parameters:
    ///   - tree: all entries before the group.
    ///   - position: where the payload of the frame will begin.
    ///   - frame: takes the encoded frame.
    init(
        _ units: [CommitUnit], after tree: MerkleAccumulator, at position: EntryPosition,
        in frame: FrameBuffer
    ) {
        let size = FrameSize(units)
        var grown = tree
        var addition = TreeAddition()
        var keys: [IndexedKey] = []
        keys.reserveCapacity(size.entryCount)
        addition.reserveCapacity(size.entryCount)
        frame.begin(
            firstIndex: EntryIndex(tree.size.rawValue), at: position,
            payloadByteCount: size.payloadByteCount)
        for unit in units {
            for (number, entry) in unit.entries.enumerated() {
                let index = EntryIndex(grown.size.rawValue)
                let isLast = number == unit.entries.count - 1
                let (leaf, record) = entry.key.withUnsafeBytes { key in
                    entry.value.withUnsafeBytes { value in
                        (
                            Digest.leaf(index: index, key: key, value: value),
                            frame.add(
                                kind: entry.kind.rawValue, key: key, value: value,
                                isEndOfBatch: isLast)
                        )
                    }
                }
                addition.add(leaf, at: record.position, to: &grown)
                keys.append(
                    IndexedKey(
                        entry, index: index, position: record.position,
                        byteCount: record.byteCount))
            }
        }
        edge = grown.edge
        frame.end(root: edge.root)
        before = tree.size
        self.tree = grown
        self.addition = addition
        self.keys = keys
        self.frame = frame
    }
}

/// The room that a group takes in the ledger. It is known before the group's position.
struct FrameSize: Hashable, Sendable {
    let entryCount: Int
    let payloadByteCount: Int

    init(_ units: [CommitUnit]) {
        entryCount = units.reduce(0) { $0 + $1.entries.count }
        payloadByteCount = FrameBuffer.payloadByteCount(
            keyAndValueByteCount: units.reduce(0) { $0 + $1.byteCount }, entryCount: entryCount)
    }
}

extension IndexedKey {
    /// Makes the key index's record of an entry.
    init(_ entry: NewEntry, index: EntryIndex, position: EntryPosition, byteCount: Int) {
        self.init(
            key: entry.key,
            address: RecordAddress(
                index: index, kind: entry.kind.rawValue, position: position.packed,
                length: UInt32(byteCount)),
            memberLength: entry.kind == .sortedSetMember ? entry.value.count : 0)
    }
}
