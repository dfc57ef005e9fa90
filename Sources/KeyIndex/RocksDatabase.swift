import CRocksDB
import StorageIO
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// An open RocksDB, with its options and the guard that keeps calls from using it after closing.
///
/// `@unchecked Sendable`: the pointers are set once; RocksDB's calls on them are safe from any
/// thread; and they are freed only by `close`, after it has kept new calls out and waited for those
/// inside `reading`.
final class RocksDatabase: @unchecked Sendable {
    typealias ErrorPointer = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    let path: String
    let handle: OpaquePointer
    /// RocksDB's name for the only column family, which one of its calls wants.
    let family: OpaquePointer
    let readOptions: OpaquePointer
    /// As `readOptions`, for blocks that are not worth a place in the cache.
    let passingReadOptions: OpaquePointer
    let writeOptions: OpaquePointer
    private let flushOptions: (wait: OpaquePointer, start: OpaquePointer)

    /// How many calls are inside, and in the top bit whether the database is closed.
    private let calls = Atomic<UInt64>(0)
    private static let closedBit: UInt64 = 1 << 63

    init(path: String, options: KeyIndex.Options) throws(StoreError) {
        self.path = path
        (handle, family) = try Self.open(path, options)
        readOptions = rocksdb_readoptions_create()
        rocksdb_readoptions_set_verify_checksums(readOptions, 1)
        passingReadOptions = rocksdb_readoptions_create()
        rocksdb_readoptions_set_verify_checksums(passingReadOptions, 1)
        rocksdb_readoptions_set_fill_cache(passingReadOptions, 0)
        writeOptions = rocksdb_writeoptions_create()
        rocksdb_writeoptions_disable_WAL(writeOptions, 1)
        flushOptions = (rocksdb_flushoptions_create(), rocksdb_flushoptions_create())
        rocksdb_flushoptions_set_wait(flushOptions.wait, 1)
        rocksdb_flushoptions_set_wait(flushOptions.start, 0)
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
        rocksdb_column_family_handle_destroy(family)
        rocksdb_close(handle)
        rocksdb_readoptions_destroy(readOptions)
        rocksdb_readoptions_destroy(passingReadOptions)
        rocksdb_writeoptions_destroy(writeOptions)
        rocksdb_flushoptions_destroy(flushOptions.wait)
        rocksdb_flushoptions_destroy(flushOptions.start)
    }

    /// Turns a message of RocksDB into an error.
    @inline(__always)
    func check<R>(_ body: (ErrorPointer) -> R) throws(StoreError) -> R {
        var message: UnsafeMutablePointer<CChar>?
        let result = body(&message)
        if let message { throw Self.error(taking: message, path: path) }
        return result
    }

    func flush(wait: Bool) throws(StoreError) {
        try check { rocksdb_flush(handle, wait ? flushOptions.wait : flushOptions.start, $0) }
    }

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
        let slice = try check {
            rocksdb_get_pinned(
                handle, readOptions, key.baseAddress?.assumingMemoryBound(to: CChar.self),
                key.count,
                $0)
        }
        guard let slice else { return nil }
        defer { rocksdb_pinnableslice_destroy(slice) }
        var count = 0
        let start = rocksdb_pinnableslice_value(slice, &count)
        return try body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// A place as a record holds it.
    func place(_ value: UnsafeRawBufferPointer) throws(StoreError) -> EntryPlace {
        guard let place = EntryPlace(decoding: value) else {
            throw damaged("a place of \(value.count) bytes")
        }
        return place
    }

    func put(_ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
        try check { error in
            key.withUnsafeBytes { key in
                value.withUnsafeBytes { value in
                    rocksdb_put(
                        handle, writeOptions, key.baseAddress?.assumingMemoryBound(to: CChar.self),
                        key.count, value.baseAddress?.assumingMemoryBound(to: CChar.self),
                        value.count, error)
                }
            }
        }
    }

    func isEmpty() throws(StoreError) -> Bool {
        let cursor = RecordCursor(self)
        cursor.seek(to: [])
        return try cursor.current() == nil
    }

    func fileByteCount() -> UInt64 {
        var count: UInt64 = 0
        let isKnown = rocksdb_property_int(handle, "rocksdb.total-sst-files-size", &count) == 0
        return isKnown ? count : 0
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
