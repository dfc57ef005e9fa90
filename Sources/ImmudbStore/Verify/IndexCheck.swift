import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// The part of a check that compares the key index with the ledger, in both directions.
///
/// The pass over the ledger has summed the records that the index should have, by segment; ``IndexSums`` those that it
/// has. Only for segments whose sums differ each entry is looked up in the index, and each record of the index is followed
/// to its entry: so a check of an intact database looks nothing up.
struct IndexCheck {
    let index: IndexInspection
    let walk: IndexSums
    let fileSystem: InspectionFileSystem
    let inspection: LedgerInspection
    let identity: DatabaseIdentity
    let size: TreeSize
    let sums: [RecordSum]
    let hashKey: RecordHash.Key
    var log: ProblemLog

    /// - Throws: what keeps the index from being read; damage of it is a problem, not an error.
    mutating func run() throws(StoreError) {
        do throws(StoreError) {
            let found = try walk.result()
            noteSize()
            let differing = compareSums(found)
            guard !differing.isEmpty else { return }
            for segment in inspection.segments where differing.contains(segment.number) {
                guard segment.isFile else { continue }
                try findEntries(of: segment)
            }
            try followRecords(into: differing)
        } catch {
            try fileSystem.checkFailure()
            guard error.isDamageOfIndex else { throw error }
            addProblem("\(error)")
        }
    }

    private mutating func addProblem(
        kind: VerificationProblem.Kind = .view, entries: Range<UInt64>? = nil,
        key: [UInt8]? = nil, _ what: String
    ) {
        log.add(VerificationProblem(kind, index.path, entries: entries, key: key, what))
    }

    private mutating func noteSize() {
        let complete = index.completeSize
        if complete > size {
            addProblem(
                kind: .missing, entries: size.rawValue..<complete.rawValue,
                "the key index has these entries, which were durable, and the ledger does not: its end was cut, or "
                    + "the index is of a later copy")
        } else if complete < size {
            log.note(
                "\(index.path) lacks the entries from \(complete) on; the next start adds them"
            )
        }
    }

    // MARK: sums

    /// - Returns: the segments whose sums differ. Records beyond the end of the ledger, which a later copy has, are reported
    ///   together: a segment may differ because of them alone.
    private mutating func compareSums(_ found: IndexSums.Found) -> Set<UInt32> {
        for fault in found.faults {
            addProblem(
                entries: fault.index.flatMap {
                    size.contains($0) ? $0.rawValue..<$0.rawValue + 1 : nil
                },
                key: fault.name, fault.what)
        }
        for stray in found.strays where size.contains(stray.index) {
            addProblem(
                entries: stray.index.rawValue..<stray.index.rawValue + 1, key: stray.key,
                "names a segment that does not exist")
        }
        return Set(sums.indices.filter { found.sums[$0] != sums[$0] }.map { UInt32($0) })
    }

    // MARK: in detail

    /// Looks each whole entry of a segment up.
    private mutating func findEntries(
        of segment: LedgerInspection.Segment
    ) throws(StoreError) {
        try inspection.forEachValidFrame(of: segment, identity: identity) {
            frame throws(StoreError) in
            try frame.forEachEntry { entry throws(StoreError) in
                guard index.completeSize.contains(entry.index) else { return }
                let key = IndexedKey(entry)
                let what: String
                switch try index.answer(about: key) {
                case .address(let address) where address == key.address: return
                case .earlier: return
                case .address: what = "the key index has another address for the entry"
                case .none: what = "the key index does not have the entry"
                }
                addProblem(
                    entries: entry.index.rawValue..<entry.index.rawValue + 1, key: key.key, what)
            }
        }
    }

    /// Follows each record that leads into one of these segments to its entry.
    private mutating func followRecords(into segments: Set<UInt32>) throws(StoreError) {
        let records = LedgerInspection.Records(inspection, identity: identity)
        let keyless = log.entriesWithoutKey
        try index.forEachRecord { record throws(StoreError) in
            let address = record.address
            let position = EntryPosition(packed: address.position)
            guard size.contains(address.index), segments.contains(position.segment) else { return }
            let found = try records.entry(
                address.index, at: position, byteCount: Int(address.length))
            let what: String
            if let found {
                let key = IndexedKey(found, at: position)
                if InspectedRecord.name(of: key).map({ record.name.elementsEqual($0) }) == true,
                    key.address == address
                {
                    return
                }
                what = "the key index names this entry, which has another key, kind or length"
            } else if log.damagedSegments.contains(position.segment) {
                // The entry is damaged, and the index is right. It knows the key.
                guard !record.isMember else { return }
                for number in keyless[address.index.rawValue] ?? [] {
                    log.setKey(Array(record.name), ofProblem: number)
                }
                return
            } else {
                what = "the key index has an address for the entry at which it is not"
            }
            addProblem(
                entries: address.index.rawValue..<address.index.rawValue + 1,
                key: record.isMember ? nil : Array(record.name), what)
        } fault: { _ throws(StoreError) in
        }
    }
}

extension IndexedKey {
    fileprivate init(_ entry: LedgerEntry, at position: EntryPosition) {
        let isMember = entry.kind == EntryKind.sortedSetMember.rawValue
        self.init(
            key: entry.key,
            address: RecordAddress(
                index: entry.index, kind: entry.kind, position: position.packed,
                length: UInt32(EntryHeader.byteCount + entry.key.count + entry.value.count)),
            memberLength: isMember ? entry.value.count : 0)
    }
}
