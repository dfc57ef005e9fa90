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

/// An open RocksDB, with the guard that keeps calls from using it after closing.
///
/// `@unchecked Sendable`: the pointer is set once; RocksDB's calls on it are safe from any
/// thread; and it is freed only by `close`, after it has kept new calls out and waited for those
/// inside `reading`.
final class RocksDatabase: @unchecked Sendable {
    let path: String
    let handle: OpaquePointer

    /// How many calls are inside, and in the top bit whether the database is closed.
    private let calls = Atomic<UInt64>(0)
    private static let closedBit: UInt64 = 1 << 63

    init(
        path: String, fileSystem: any FileSystem, options: KeyIndex.Options
    ) throws(StoreError) {
        self.path = path
        handle = try Self.open(path, fileSystem, options)
    }

    /// Runs `body` while the database cannot be closed.
    ///
    /// Costs two atomic additions. A call that comes after closing sees the bit and leaves without
    /// having touched the database, even if closing does not wait for it any more.
    @inline(__always)
    func reading<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        let before = calls.wrappingAdd(1, ordering: .acquiring).oldValue
        defer { calls.wrappingSubtract(1, ordering: .releasing) }
        guard before & Self.closedBit == 0 else {
            throw StoreError(.closed, "the key index \(path) is closed")
        }
        return try body()
    }

    /// Waits for the calls inside, writes what is in memory to disk, and closes.
    func close() {
        let before = calls.bitwiseOr(Self.closedBit, ordering: .acquiringAndReleasing).oldValue
        guard before & Self.closedBit == 0 else { return }
        // Calls last microseconds, but for one that waits for a flush: closing is rare, so sleeping
        // does.
        while calls.load(ordering: .acquiring) != Self.closedBit { usleep(200) }
        // RocksDB would leave out what a flush that waits in the background has taken over. An
        // error costs nothing but time: what did not reach the disk is applied again from the
        // ledger.
        try? flush(wait: true)
        rocks_close(handle)
    }

    /// Throws the error that a call came to.
    @inline(__always)
    func check(_ status: rocks_status) throws(StoreError) { try Self.check(status, path) }

    func flush(wait: Bool) throws(StoreError) { try check(rocks_flush(handle, wait)) }

    /// The value of one record; nil if there is none.
    func value(of key: [UInt8]) throws(StoreError) -> [UInt8]? {
        try key.withBytes { key throws(StoreError) in
            try get(key) { Array($0) }
        }
    }

    /// Hands the value of one record to `body`, where RocksDB has it in memory.
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

    /// An address as the value of a record of the index.
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
