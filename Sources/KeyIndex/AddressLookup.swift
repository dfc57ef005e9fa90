import RocksDBBridge
import StorageIO

/// Looks up the addresses in many records at once, which costs half as much as single look-ups: RocksDB prefetches the
/// next key while it compares the last one. The memory is reused from one look-up to the next.
final class AddressLookup {
    /// The address for each key, in order; nil if there is no record.
    private(set) var addresses: [RecordAddress?] = []

    // The records' keys, one after the other, and the end of each.
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    private let results: OpaquePointer

    /// - Parameter capacity: the most keys of one look-up.
    init(capacity: Int) {
        guard let results = rocks_lookup_create(capacity) else {
            preconditionFailure("out of memory")
        }
        self.results = results
    }

    deinit {
        rocks_lookup_destroy(results)
    }

    var count: Int { ends.count }

    /// Returns the record key with this number.
    func key(_ number: Int) -> ArraySlice<UInt8> {
        bytes[(number == 0 ? 0 : ends[number - 1])..<ends[number]]
    }

    func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    /// Adds the record of `key` in table 01.
    ///
    /// - Precondition: the key comes after those added before, in byte order.
    func append(_ key: [UInt8]) {
        bytes.append(IndexRecord.newestTable)
        bytes.append(contentsOf: key)
        ends.append(bytes.count)
    }

    func find(in database: RocksDatabase) throws(StoreError) {
        addresses.removeAll(keepingCapacity: true)
        let status = bytes.withUnsafeBytes { bytes in
            rocks_lookup_find(results, database.handle, bytes.baseAddress, ends, ends.count)
        }
        // Frees RocksDB's memory for the results, even if the look-up of one key failed.
        defer { rocks_lookup_clear(results) }
        try database.check(status)
        for number in ends.indices {
            var count = 0
            guard let start = rocks_lookup_value(results, number, &count) else {
                addresses.append(nil)
                continue
            }
            addresses.append(
                try database.address(UnsafeRawBufferPointer(start: start, count: count)))
        }
    }
}
