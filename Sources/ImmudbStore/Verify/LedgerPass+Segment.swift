import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO

extension LedgerPass {
    /// Checks the frames of a segment, valid or not, up to its end.
    mutating func checkFrames(_ segment: LedgerInspection.Segment) throws(StoreError) {
        var reader = try inspection.reader(
            of: segment, identity: identity, firstIndex: EntryIndex(state.next))
        while true {
            let offset = reader.offset
            do throws(StoreError) {
                if let frame = try reader.next() {
                    try check(frame, segment)
                    continue
                }
            } catch {
                guard error.code == .incompatibleFormat else { throw error }
                add(.format, segment, at: offset, entries: state.next..<state.next, "\(error)")
            }
            if try isTail(&reader, segment) { return }
            if let found = try reader.skipDamage(expecting: EntryIndex(state.next)) {
                try passDamage(
                    &reader, segment, offset..<found.offset, to: found.firstIndex.rawValue)
            } else {
                return try passEnd(&reader, segment)
            }
        }
    }

    /// Whether the segment ends properly here: with its last entry, or with what a crash has left of writes that were
    /// never acknowledged.
    private mutating func isTail(
        _ reader: inout SegmentReader, _ segment: LedgerInspection.Segment
    ) throws(StoreError) -> Bool {
        let isZero = try reader.isAtEnd()
        guard isNewest else { return isZero && state.next >= end(of: segment) ?? state.next }
        guard witnessedSize <= state.next else { return false }
        if isZero { return true }
        if try reader.isFollowedByWitness() { return false }
        state.log.note(
            "\(segment.path), byte \(reader.offset): the torn end of writes that were not synchronized when the "
                + "system crashed. The next start cuts it; the ledger holds \(state.next) entries")
        return true
    }

    /// Passes over the rest of a segment in which no valid frame follows.
    private mutating func passEnd(
        _ reader: inout SegmentReader, _ segment: LedgerInspection.Segment
    ) throws(StoreError) {
        let offset = reader.offset
        let end = end(of: segment) ?? state.next
        if try reader.isAtEnd() {
            let advice =
                isNewest
                ? "the ledger ends here, but the tree file shows that later entries were durable: the end was cut, "
                    + "or the folder is a copy that was made while a server wrote"
                : "the segment ends here, but the next one begins with a later entry: the end was cut"
            add(.missing, segment, at: offset, entries: state.next..<max(end, state.next), advice)
            return try fill(to: end)
        }
        try passDamage(
            &reader, segment, offset..<reader.byteCount, to: max(end, state.next))
    }

    /// Passes over bytes that are no valid frames, and looks for the records that are whole in them: where they should
    /// follow each other, and where the tree's file of positions has them.
    private mutating func passDamage(
        _ reader: inout SegmentReader, _ segment: LedgerInspection.Segment, _ bytes: Range<Int>,
        to end: UInt64
    ) throws(StoreError) {
        add(
            .checksum, segment, at: bytes.lowerBound, entries: state.next..<end,
            end > state.next
                ? "no whole frame with a valid checksum begins here. Records in it that are damaged are listed, too"
                : "no whole frame with a valid checksum begins here; no entry is missing")
        var next = bytes.lowerBound + FrameView.headByteCount
        while state.next < end {
            let index = EntryIndex(state.next)
            var place = next
            var found = try reader.record(index, at: place, before: bytes.upperBound)
            if found == nil, let stored = try places?.position(index.rawValue),
                stored.segment == segment.number, bytes.contains(Int(stored.offset))
            {
                place = Int(stored.offset)
                found = try reader.record(index, at: place, before: bytes.upperBound)
            }
            let before = state.tree.size
            if let found {
                next = place + found.byteCount
                note(found, segment)
                let isEqual = try append(found.leaf)
                if !isEqual { noteDoubt(found, segment) }
            } else {
                add(
                    .checksum, segment, at: bytes.contains(place) ? place : bytes.lowerBound,
                    entries: index.rawValue..<index.rawValue + 1,
                    "the record fails its checksum, or cannot be found")
                // Its length may be right although its bytes are not.
                next =
                    place + (try reader.statedByteCount(at: place, before: bytes.upperBound) ?? 0)
                guard let leaf = try storedLeaf(index.rawValue) else {
                    try fill(to: end)
                    break
                }
                _ = try append(leaf)
            }
            noteExpectedRoot(from: before)
        }
    }

    private mutating func noteDoubt(
        _ entry: FrameView.EntryView, _ segment: LedgerInspection.Segment
    ) {
        state.log.hasUnexplainedRoot = true
        add(
            .digest, segment, at: Int(entry.position.offset),
            entries: entry.index.rawValue..<entry.index.rawValue + 1, key: Array(entry.key),
            "the record passes its checksum, but not its leaf in the tree file: one of the two was changed"
        )
    }

    /// Adds the entry to the sum of records that the key index should have, and checks the file of positions and the
    /// parts of the entry that its leaf does not cover.
    mutating func note(_ entry: FrameView.EntryView, _ segment: LedgerInspection.Segment) {
        let index = entry.index.rawValue
        if entry.kind > EntryKind.sortedSetMember.rawValue {
            add(
                .format, segment, at: Int(entry.position.offset), entries: index..<index + 1,
                key: Array(entry.key), "entries of kind \(entry.kind) are not known to this version"
            )
        }
        guard hashesRecords else { return }
        let hash: UInt64?
        if entry.kind == EntryKind.sortedSetMember.rawValue {
            hash = InspectedRecord.name(of: IndexedKey(entry)).map { name in
                name.withUnsafeBytes { self.hash($0, isMember: true, entry) }
            }
        } else {
            hash = self.hash(entry.key, isMember: false, entry)
        }
        if let hash {
            state.sums[state.sums.count - 1].add(hash)
        } else {
            add(
                .format, segment, at: Int(entry.position.offset), entries: index..<index + 1,
                key: Array(entry.key), "the key of a sorted set's member is too short")
        }
    }

    private func hash(
        _ name: UnsafeRawBufferPointer, isMember: Bool, _ entry: FrameView.EntryView
    ) -> UInt64 {
        RecordHash.hash(
            name, isMember: isMember, RecordAddress(entry), key: state.hashKey)
    }
}

extension RecordAddress {
    /// Makes the address that the key index should have for an entry.
    init(_ entry: FrameView.EntryView) {
        self.init(
            index: entry.index, kind: entry.kind, position: entry.position.packed,
            length: UInt32(entry.byteCount))
    }
}

extension FrameView.EntryView {
    var leaf: Digest { .leaf(index: index, key: key, value: value) }
}
