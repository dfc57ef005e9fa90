import CRocksDB
import Glibc

/// RocksDB by itself, with its defaults and without its log: what the key index is compared with.
final class BareRocksDB {
    private let database: OpaquePointer
    private let options: OpaquePointer
    private let writeOptions: OpaquePointer
    private let readOptions: OpaquePointer
    private var next: UInt64 = 1 << 41

    init(path: String) throws {
        options = rocksdb_options_create()
        rocksdb_options_set_create_if_missing(options, 1)
        writeOptions = rocksdb_writeoptions_create()
        rocksdb_writeoptions_disable_WAL(writeOptions, 1)
        readOptions = rocksdb_readoptions_create()
        var error: UnsafeMutablePointer<CChar>?
        guard let opened = rocksdb_open(options, path, &error) else {
            throw BenchError("cannot open \(path): \(error.map { String(cString: $0) } ?? "")")
        }
        database = opened
    }

    deinit {
        rocksdb_close(database)
        rocksdb_readoptions_destroy(readOptions)
        rocksdb_writeoptions_destroy(writeOptions)
        rocksdb_options_destroy(options)
    }

    /// Puts one key with 24 bytes, the size of an entry's place.
    func put(_ key: [UInt8], in batch: OpaquePointer) {
        withUnsafeBytes(of: (UInt64(1), UInt64(2), UInt64(3))) { value in
            key.withUnsafeBytes { key in
                rocksdb_writebatch_put(
                    batch, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count,
                    value.baseAddress?.assumingMemoryBound(to: CChar.self), value.count)
            }
        }
    }

    func write(_ keys: some Sequence<[UInt8]>) throws {
        let batch = rocksdb_writebatch_create()
        defer { rocksdb_writebatch_destroy(batch) }
        guard let batch else { throw BenchError("no memory for a batch") }
        for key in keys { put(key, in: batch) }
        var error: UnsafeMutablePointer<CChar>?
        rocksdb_write(database, writeOptions, batch, &error)
        if let error { throw BenchError(String(cString: error)) }
    }

    /// Batches of random keys a second.
    func putRate(batchEntryCount: Int, seconds: Double) throws -> Double {
        var count = 0
        let start = now()
        while now() - start < seconds {
            try write((0..<batchEntryCount).map { randomKey(next + UInt64($0)) })
            next += UInt64(batchEntryCount)
            count += 1
        }
        return Double(count) / (now() - start)
    }

    /// Whether the key is there; copies nothing.
    func has(_ key: [UInt8]) throws -> Bool {
        var error: UnsafeMutablePointer<CChar>?
        let slice = key.withUnsafeBytes {
            rocksdb_get_pinned(
                database, readOptions, $0.baseAddress?.assumingMemoryBound(to: CChar.self),
                $0.count,
                &error)
        }
        if let error { throw BenchError(String(cString: error)) }
        defer { if let slice { rocksdb_pinnableslice_destroy(slice) } }
        return slice != nil
    }
}
