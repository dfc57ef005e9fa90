public import MerkleTree
public import StorageIO

// Look-ups of single entries, for a check of the index against the ledger.

extension KeyIndex {
    /// Returns the address of the version of `key` that is the entry at `index`; nil if the index lacks it.
    ///
    /// Costs one look-up, and a seek for an older version.
    ///
    /// - Throws: as `newest(of:in:)`.
    public func version(
        of key: [UInt8], at index: EntryIndex
    ) throws(StoreError) -> RecordAddress? {
        let found = try newest(of: key, in: TreeSize(lastIndex: index))
        return found?.index == index ? found : nil
    }

    /// Returns the address of the first entry that put a member into its sorted set with its score.
    ///
    /// - Parameter key: the key of a sorted set's entry in the ledger.
    /// - Throws: as `newest(of:in:)`.
    public func member(
        ofLedgerKey key: [UInt8], memberLength: Int
    ) throws(StoreError) -> RecordAddress? {
        var record: [UInt8] = []
        guard
            IndexRecord.appendSetRecord(ledgerKey: key, memberLength: memberLength, to: &record)
        else { return nil }
        return try database.reading { () throws(StoreError) in
            try record.withUnsafeBytes { bytes in
                Result { () throws(StoreError) in
                    try database.get(bytes) { value throws(StoreError) in
                        try database.address(value)
                    }
                }
            }.get()
        }
    }
}
