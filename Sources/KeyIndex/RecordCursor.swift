import CRocksDB
import StorageIO

/// Walks over records in the order of their keys, on the state of the database at its creation.
///
/// Used by one thread, inside `RocksDatabase.reading`. Creating one costs a few microseconds.
final class RecordCursor {
    private let database: RocksDatabase
    private let iterator: OpaquePointer

    /// - Parameter keepsBlocks: whether the blocks that are read displace others from the cache;
    ///   not for a walk over very many records.
    init(_ database: RocksDatabase, keepsBlocks: Bool = true) {
        self.database = database
        iterator = rocksdb_create_iterator(
            database.handle, keepsBlocks ? database.readOptions : database.passingReadOptions)
    }

    deinit {
        rocksdb_iter_destroy(iterator)
    }

    /// Goes to the first record from `key` on.
    func seek(to key: [UInt8]) {
        key.withUnsafeBytes {
            rocksdb_iter_seek(
                iterator, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }

    /// Goes to the last record before `key`.
    func seek(before key: [UInt8]) throws(StoreError) {
        key.withUnsafeBytes {
            rocksdb_iter_seek_for_prev(
                iterator, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
        if let record = try current(), record.key.elementsEqual(key) { previous() }
    }

    func previous() { rocksdb_iter_prev(iterator) }

    func next() { rocksdb_iter_next(iterator) }

    /// The record's key and value, valid until the cursor moves; nil beyond the last one.
    ///
    /// - Throws: what kept the cursor from reading on: it looks like the end otherwise.
    func current() throws(StoreError) -> (
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    )? {
        guard rocksdb_iter_valid(iterator) != 0 else {
            try database.check { rocksdb_iter_get_error(iterator, $0) }
            return nil
        }
        var keyCount = 0
        var valueCount = 0
        let key = rocksdb_iter_key(iterator, &keyCount)
        let value = rocksdb_iter_value(iterator, &valueCount)
        return (
            UnsafeRawBufferPointer(start: key, count: keyCount),
            UnsafeRawBufferPointer(start: value, count: valueCount)
        )
    }
}

extension UnsafeRawBufferPointer {
    /// What follows `prefix`; nil if the bytes do not begin with it.
    func dropping(prefix: [UInt8]) -> UnsafeRawBufferPointer? {
        guard count >= prefix.count, prefix.elementsEqual(self[..<prefix.count]) else { return nil }
        return UnsafeRawBufferPointer(rebasing: self[prefix.count...])
    }
}
