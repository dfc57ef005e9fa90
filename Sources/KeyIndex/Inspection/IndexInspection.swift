import ImmudbModel
package import MerkleTree
package import StorageIO

/// A key index that is opened to check it: no byte of it is changed.
///
/// Used by one thread at a time, while no ``KeyIndex`` is open in the folder.
package final class IndexInspection: Sendable {
    package let path: String
    /// The mark of the index: entries before it are in the index.
    package let completeSize: TreeSize
    let database: RocksDatabase

    /// Opens the files.
    ///
    /// - Throws: `corruption`, `incompatibleFormat`, `index`, `foreignDatabase`; the operating system's errors.
    package init(
        at path: String, identity: DatabaseIdentity, fileSystem: any FileSystem,
        log: @escaping LogSink
    ) throws(StoreError) {
        self.path = path
        var options = KeyIndex.Options()
        var settings = KeyIndex.Resources.Options()
        settings.cacheByteCount = 8 << 20
        settings.mergingThreadCount = 1
        options.resources = try KeyIndex.Resources(settings)
        options.log = log
        database = try RocksDatabase(
            path: path, fileSystem: fileSystem, options: options, isReadOnly: true)
        do throws(StoreError) {
            completeSize = try KeyIndex.completeSize(of: database, identity) ?? TreeSize(0)
        } catch {
            database.close()
            throw error
        }
    }

    deinit { database.close() }

    /// Compares each block of the files with its checksum.
    package func verifyChecksums() throws(StoreError) { try database.verifyChecksums() }

    /// The bytes of the files that hold records.
    package var byteCount: UInt64 { database.fileByteCount() }

    // MARK: from an entry to its record

    /// What the index says about an entry.
    package enum Answer: Hashable, Sendable {
        /// The record of the entry.
        case address(RecordAddress)
        /// The member was in the set before, by the entry with this index.
        case earlier(EntryIndex)
        case none
    }

    /// Returns the record of an entry that has an index, a key, and for a member of a sorted set the length of the
    /// member.
    package func answer(about entry: IndexedKey) throws(StoreError) -> Answer {
        var record: [UInt8] = []
        let index = entry.address.index
        if entry.isMember {
            guard
                IndexRecord.appendSetRecord(
                    ledgerKey: entry.key, memberLength: entry.memberLength, to: &record),
                let found = try address(in: record)
            else { return .none }
            return found.index < index ? .earlier(found.index) : .address(found)
        }
        record.append(IndexRecord.newestTable)
        record += entry.key
        guard let newest = try address(in: record), newest.index >= index else { return .none }
        guard newest.index > index else { return .address(newest) }
        record.removeAll()
        IndexRecord.appendOlderPrefix(of: entry.key, to: &record)
        IndexRecord.appendInverted(index, to: &record)
        return try address(in: record).map { .address($0) } ?? .none
    }

    private func address(in record: [UInt8]) throws(StoreError) -> RecordAddress? {
        try record.withBytes { record throws(StoreError) in
            try database.get(record) { value throws(StoreError) in
                RecordAddress(decoding: value)
            }
        } ?? nil
    }
}

extension IndexedKey {
    package var isMember: Bool { address.kind == EntryKind.sortedSetMember.rawValue }
}
