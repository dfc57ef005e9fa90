import RocksDBBridge
import StorageIO

/// Iterates over records in the order of their keys, on the state of the database at its creation.
///
/// Used by one thread, inside `RocksDatabase.reading`. Creating one costs a few microseconds.
final class RecordCursor {
    private let database: RocksDatabase
    private let cursor: OpaquePointer

    /// - Parameter keepsBlocks: whether the blocks that are read displace others from the cache; false for a walk over
    ///   very many records.
    init(_ database: RocksDatabase, keepsBlocks: Bool = true) throws(StoreError) {
        self.database = database
        var created: OpaquePointer?
        try database.check(rocks_cursor_create(database.handle, keepsBlocks, &created))
        guard let created else { preconditionFailure("RocksDB made no cursor and no error") }
        cursor = created
    }

    deinit {
        rocks_cursor_destroy(cursor)
    }

    /// Moves to the first record from `key` on.
    func seek(to key: [UInt8]) {
        key.withUnsafeBytes { rocks_cursor_seek(cursor, $0.baseAddress, $0.count) }
    }

    /// Moves to the last record before `key`.
    func seek(before key: [UInt8]) throws(StoreError) {
        key.withUnsafeBytes { rocks_cursor_seek_back(cursor, $0.baseAddress, $0.count) }
        if let record = try current(), record.key.elementsEqual(key) { previous() }
    }

    func previous() { rocks_cursor_previous(cursor) }

    func next() { rocks_cursor_next(cursor) }

    /// Returns the record's key and value, valid until the cursor moves; nil after the last one.
    ///
    /// - Throws: the error that stopped the cursor, which would otherwise look like the end.
    func current() throws(StoreError) -> (
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    )? {
        var key: UnsafeRawPointer?
        var keyCount = 0
        var value: UnsafeRawPointer?
        var valueCount = 0
        guard rocks_cursor_current(cursor, &key, &keyCount, &value, &valueCount) else {
            try database.check(rocks_cursor_error(cursor))
            return nil
        }
        return (
            UnsafeRawBufferPointer(start: key, count: keyCount),
            UnsafeRawBufferPointer(start: value, count: valueCount)
        )
    }
}

extension UnsafeRawBufferPointer {
    /// Returns the bytes after `prefix`; nil if the bytes do not begin with it.
    func dropping(prefix: [UInt8]) -> UnsafeRawBufferPointer? {
        guard count >= prefix.count, prefix.elementsEqual(self[..<prefix.count]) else { return nil }
        return UnsafeRawBufferPointer(rebasing: self[prefix.count...])
    }
}
