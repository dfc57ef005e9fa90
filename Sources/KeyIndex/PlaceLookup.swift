import CRocksDB
import StorageIO

/// Looks up the places in many records at once, which costs half as much as one by one: RocksDB
/// then fetches from memory for the next key while it compares the last one. Its room is kept from
/// one use to the next.
struct PlaceLookup {
    /// What was found for each key, in their order; nil where there is no record.
    private(set) var places: [EntryPlace?] = []

    // The records' keys, one after the other, and where each ends.
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    // Arguments and results of RocksDB's call.
    private var keys: [UnsafePointer<CChar>?] = []
    private var keyCounts: [Int] = []
    private var slices: [OpaquePointer?] = []
    private var messages: [UnsafeMutablePointer<CChar>?] = []

    var count: Int { ends.count }

    /// The record key number `place`.
    func key(_ place: Int) -> ArraySlice<UInt8> {
        bytes[(place == 0 ? 0 : ends[place - 1])..<ends[place]]
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    /// Adds the record of `key` in table 01.
    ///
    /// - Precondition: the key comes after those added before, in byte order.
    mutating func append(_ key: [UInt8]) {
        bytes.append(IndexRecord.newestTable)
        bytes.append(contentsOf: key)
        ends.append(bytes.count)
    }

    mutating func find(in database: RocksDatabase) throws(StoreError) {
        keys.removeAll(keepingCapacity: true)
        keyCounts.removeAll(keepingCapacity: true)
        slices.removeAll(keepingCapacity: true)
        messages.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        for _ in ends {
            slices.append(nil)
            messages.append(nil)
        }
        bytes.withUnsafeBytes { bytes in
            var start = 0
            for end in ends {
                keys.append(
                    bytes.baseAddress?.advanced(by: start).assumingMemoryBound(to: CChar.self))
                keyCounts.append(end - start)
                start = end
            }
            rocksdb_batched_multi_get_cf(
                database.handle, database.readOptions, database.family, ends.count, keys, keyCounts,
                &slices, &messages, true)
        }
        try takeResults(database)
    }

    /// Copies the places and frees what RocksDB returned, all of it, also when one key failed.
    private mutating func takeResults(_ database: RocksDatabase) throws(StoreError) {
        var failure: StoreError?
        for (slice, message) in zip(slices, messages) {
            if let message { failure = RocksDatabase.error(taking: message, path: database.path) }
            guard let slice else {
                places.append(nil)
                continue
            }
            defer { rocksdb_pinnableslice_destroy(slice) }
            var count = 0
            let start = rocksdb_pinnableslice_value(slice, &count)
            do throws(StoreError) {
                places.append(
                    try database.place(UnsafeRawBufferPointer(start: start, count: count)))
            } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
