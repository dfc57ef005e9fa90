public import MerkleTree
public import StorageIO

// Why readers need no lock, and no snapshot of RocksDB. Applying entries moves a displaced version
// to table 02 and puts the newest one into table 01 in one atomic batch, and nothing is ever
// removed from table 02. A writer may change both tables after a reader has read table 01 and before it
// reads table 02. The reader then sees in table 02 all versions that it would have seen before, and
// perhaps newer ones: it asks only for those older than the one that it found in table 01, and these no
// longer change.
//
// The same holds for walks. A cursor shows one state of the index, that of its creation: table 01
// has each key once, with its newest version, and table 02 all older ones. For a tree size that is
// not beyond that state, the newest version below the size is therefore the one in table 01 or, if
// that is beyond the size, in table 02, at that time and later: a second cursor that is created later
// finds it too. A walk of many pages has a cursor for each. Keys never vanish, and keys that were added
// meanwhile have no version below the size: so all pages together show the state at that size.
// Members of sorted sets have no versions: the first entry's index decides.

extension KeyIndex {
    /// Returns the newest version of `key` with an index below `size`, or nil if the key has no such version.
    ///
    /// Members of sorted sets are not keys. Costs one look-up; a key whose newest version is beyond `size` costs a seek
    /// more.
    ///
    /// - Throws: code `.closed`, `.corruption`, or an error of the file system.
    public func newest(of key: [UInt8], in size: TreeSize) throws(StoreError) -> RecordAddress? {
        try database.reading { () throws(StoreError) in
            guard let address = try newest(of: key) else { return nil }
            if size.contains(address.index) { return address }
            let end = EntryIndex(size.rawValue)
            return try older(than: end, of: key, limit: 1, RecordCursor(database)).first
        }
    }

    /// Returns the versions of `key` with indexes below `size` and below `before`, newest first, at most `limit`.
    ///
    /// Costs one look-up and one seek, then a step for each version.
    ///
    /// - Throws: as `newest(of:in:)`.
    public func versions(
        of key: [UInt8], in size: TreeSize, limit: Int = .max, before: EntryIndex? = nil
    ) throws(StoreError) -> [RecordAddress] {
        try database.reading { () throws(StoreError) in
            guard limit > 0, let newest = try newest(of: key) else { return [] }
            let end = min(EntryIndex(size.rawValue), before ?? EntryIndex(.max))
            let cursor = try RecordCursor(database)
            guard newest.index < end else {
                return try older(than: end, of: key, limit: limit, cursor)
            }
            return try [newest] + older(than: newest.index, of: key, limit: limit - 1, cursor)
        }
    }

    /// Returns the newest version in table 01, of any index.
    @inline(__always)
    private func newest(of key: [UInt8]) throws(StoreError) -> RecordAddress? {
        // The record is on the stack for keys of up to 1,023 bytes.
        let found = withUnsafeTemporaryAllocation(byteCount: key.count + 1, alignment: 1) {
            record -> Result<RecordAddress?, StoreError> in
            record[0] = IndexRecord.newestTable
            key.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: record[1...]).copyMemory(from: $0)
            }
            return Result { () throws(StoreError) in
                try database.get(UnsafeRawBufferPointer(record)) { value throws(StoreError) in
                    try database.address(value)
                }
            }
        }
        return try found.get()
    }

    /// Returns versions in table 02 with an index below `end`, newest first.
    func older(
        than end: EntryIndex, of key: [UInt8], limit: Int, _ cursor: RecordCursor
    ) throws(StoreError) -> [RecordAddress] {
        guard limit > 0, end.rawValue > 0 else { return [] }
        var prefix: [UInt8] = []
        prefix.reserveCapacity(key.count + 16)
        IndexRecord.appendOlderPrefix(of: key, to: &prefix)
        var start = prefix
        IndexRecord.appendInverted(EntryIndex(end.rawValue - 1), to: &start)

        cursor.seek(to: start)
        var addresses: [RecordAddress] = []
        while addresses.count < limit, let record = try cursor.current(),
            record.key.dropping(prefix: prefix) != nil
        {
            addresses.append(try database.address(record.value))
            cursor.next()
        }
        return addresses
    }
}
