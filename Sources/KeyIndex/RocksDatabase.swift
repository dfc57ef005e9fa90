import RocksDBBridge
import StorageIO
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// An open RocksDB, with a guard against use after closing.
///
/// `@unchecked Sendable`: the pointer is set once; RocksDB allows its use from any thread; and only `close` frees it,
/// after it has refused new users and waited for those inside of `reading`.
final class RocksDatabase: @unchecked Sendable {
    let path: String
    let handle: OpaquePointer

    /// How many threads are inside of `reading`, and in the top bit whether the database is closed.
    private let readers = Atomic<UInt64>(0)
    private static let closedBit: UInt64 = 1 << 63

    /// - Parameter isReadOnly: whether the files stay as they are; the database must exist then.
    init(
        path: String, fileSystem: any FileSystem, options: KeyIndex.Options,
        isReadOnly: Bool = false
    ) throws(StoreError) {
        self.path = path
        handle = try Self.open(path, fileSystem, options, isReadOnly: isReadOnly)
    }

    /// Runs `body` while the database cannot be closed.
    ///
    /// Costs two atomic additions. A caller that comes after closing sees the bit and leaves without touching the
    /// database, even if closing does not wait for it any more.
    @inline(__always)
    func reading<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        let before = readers.wrappingAdd(1, ordering: .acquiring).oldValue
        defer { readers.wrappingSubtract(1, ordering: .releasing) }
        guard before & Self.closedBit == 0 else {
            throw StoreError(.closed, "the key index \(path) is closed")
        }
        return try body()
    }

    /// Waits for threads inside of `reading`, writes RocksDB's memory to disk, and closes.
    func close() {
        let before = readers.bitwiseOr(Self.closedBit, ordering: .acquiringAndReleasing).oldValue
        guard before & Self.closedBit == 0 else { return }
        // Reads take microseconds, except one that waits for a flush. Closing is rare, so sleeping is fast enough.
        while readers.load(ordering: .acquiring) != Self.closedBit { usleep(200) }
        // Closing does not write memtables that a flush in the background has taken over. An error only costs time:
        // entries that did not reach the disk are applied again from the ledger.
        try? flush(wait: true)
        rocks_close(handle)
    }

    /// Throws the error of a status.
    @inline(__always)
    func check(_ status: rocks_status) throws(StoreError) { try Self.check(status, path) }

    func flush(wait: Bool) throws(StoreError) { try check(rocks_flush(handle, wait)) }

    /// Returns the value of a record, or nil if the record does not exist.
    func value(of key: [UInt8]) throws(StoreError) -> [UInt8]? {
        try key.withBytes { key throws(StoreError) in
            try get(key) { Array($0) }
        }
    }

    /// Passes the value of one record to `body`, in RocksDB's memory.
    @inline(__always)
    func get<R>(
        _ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> R
    ) throws(StoreError) -> R? {
        var found: OpaquePointer?
        var bytes: UnsafeRawPointer?
        var count = 0
        try check(rocks_get(handle, key.baseAddress, key.count, &found, &bytes, &count))
        guard let found else { return nil }
        defer { rocks_value_release(found) }
        return try body(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// Decodes the value of a record of the index as an address.
    func address(_ value: UnsafeRawBufferPointer) throws(StoreError) -> RecordAddress {
        guard let address = RecordAddress(decoding: value) else {
            throw damaged("an address of \(value.count) bytes")
        }
        return address
    }

    func put(_ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
        let batch = RecordBatch()
        key.withUnsafeBytes { key in value.withUnsafeBytes { batch.put(key, $0) } }
        try write(batch)
    }

    /// Writes all records of the batch, or none.
    func write(_ batch: RecordBatch) throws(StoreError) {
        try check(rocks_write(handle, batch.pointer))
    }

    /// Compares each block of the files with its checksum.
    func verifyChecksums() throws(StoreError) { try check(rocks_verify_checksums(handle)) }

    func isEmpty() throws(StoreError) -> Bool {
        let cursor = try RecordCursor(self)
        cursor.seek(to: [])
        return try cursor.current() == nil
    }

    func fileByteCount() -> UInt64 { rocks_file_byte_count(handle) }

    func memoryUse() -> KeyIndex.MemoryUse {
        let found = rocks_memory_use(handle)
        return KeyIndex.MemoryUse(
            memtables: found.memtables, tables: found.tables, blockCache: found.block_cache)
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` with a typed error.
    @inline(__always)
    func withBytes<R>(
        _ body: (UnsafeRawBufferPointer) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        try withUnsafeBufferPointer { bytes throws(StoreError) in
            try body(UnsafeRawBufferPointer(bytes))
        }
    }
}
