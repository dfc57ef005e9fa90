import CRocksDB
import StorageIO

extension RocksDatabase {
    /// Opens the files with LZ4 if the library was built with it, and uncompressed otherwise.
    static func open(
        _ path: String, _ options: KeyIndex.Options
    ) throws(StoreError) -> (handle: OpaquePointer, family: OpaquePointer) {
        for compression in [rocksdb_lz4_compression, rocksdb_no_compression] {
            let settings = makeOptions(options, compression: Int32(compression))
            defer { rocksdb_options_destroy(settings) }
            var message: UnsafeMutablePointer<CChar>?
            var family: OpaquePointer?
            let handle = "default".withCString { name in
                var name: UnsafePointer<CChar>? = name
                var familySettings: OpaquePointer? = settings
                return rocksdb_open_column_families(
                    settings, path, 1, &name, &familySettings, &family, &message)
            }
            if let handle, let family { return (handle, family) }
            guard let message else { break }
            let error = error(taking: message, path: path, isOpening: true)
            if !error.message.contains("not linked with the binary") { throw error }
        }
        throw StoreError(.index, "\(path) cannot be opened by RocksDB")
    }

    static func remove(at path: String) throws(StoreError) {
        let settings = rocksdb_options_create()
        defer { rocksdb_options_destroy(settings) }
        var message: UnsafeMutablePointer<CChar>?
        rocksdb_destroy_db(settings, path, &message)
        if let message { throw error(taking: message, path: path) }
    }

    private static func makeOptions(
        _ options: KeyIndex.Options, compression: Int32
    ) -> OpaquePointer? {
        let settings = rocksdb_options_create()
        rocksdb_options_set_create_if_missing(settings, 1)
        rocksdb_options_set_paranoid_checks(settings, 1)
        rocksdb_options_increase_parallelism(settings, Int32(options.backgroundThreads))
        rocksdb_options_set_compression(settings, compression)

        // At most 4 memtables: one that fills, and three that wait to be written when the disk is
        // slow.
        rocksdb_options_set_write_buffer_size(settings, options.memtableByteCount)
        rocksdb_options_set_max_write_buffer_number(settings, 4)
        // There is one writer; without support for several, entries in key order go in faster.
        rocksdb_options_set_allow_concurrent_memtable_write(settings, 0)
        // A filter in each memtable, since each new key is first looked up in vain.
        rocksdb_options_set_memtable_prefix_bloom_size_ratio(settings, 0.02)
        rocksdb_options_set_memtable_whole_key_filtering(settings, 1)

        // Memtables are written often, so files come in small: merging 8 at a time instead of 4 saves
        // a seventh of all CPU, and the filters keep lookups as fast.
        rocksdb_options_set_level0_file_num_compaction_trigger(settings, 8)
        rocksdb_options_set_target_file_size_base(settings, 32 << 20)
        rocksdb_options_set_max_bytes_for_level_base(settings, 128 << 20)
        rocksdb_options_set_max_open_files(settings, 512)
        // Dirty pages go out while a file is written, not all at once at its end beside the
        // ledger's syncs.
        rocksdb_options_set_bytes_per_sync(settings, 1 << 20)

        // RocksDB's own log, in the same folder: warnings only, 2 files of 1 MiB.
        rocksdb_options_set_info_log_level(settings, 2)
        rocksdb_options_set_max_log_file_size(settings, 1 << 20)
        rocksdb_options_set_keep_log_file_num(settings, 2)
        rocksdb_options_set_stats_dump_period_sec(settings, 0)
        rocksdb_options_set_stats_persist_period_sec(settings, 0)

        // The options keep the table settings, and these the cache and the filter, by shared
        // ownership.
        let table = rocksdb_block_based_options_create()
        let cache = rocksdb_cache_create_lru(options.cacheByteCount)
        rocksdb_block_based_options_set_block_cache(table, cache)
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_bloom_full(Double(options.bloomBitsPerKey)))
        rocksdb_block_based_options_set_whole_key_filtering(table, 1)
        rocksdb_block_based_options_set_format_version(table, 5)
        rocksdb_options_set_block_based_table_factory(settings, table)
        rocksdb_block_based_options_destroy(table)
        rocksdb_cache_destroy(cache)
        return settings
    }

    /// An error from RocksDB's message, which is freed. Its first words tell the kind; the C
    /// interface has no code.
    static func error(
        taking message: UnsafeMutablePointer<CChar>, path: String, isOpening: Bool = false
    ) -> StoreError {
        defer { rocksdb_free(message) }
        let text = String(cString: message)
        // A file that the others name and that is not there is damage as well.
        if text.hasPrefix("Corruption") || (isOpening && text.contains("No such file")) {
            return damaged(path, text)
        }
        let code: StoreError.Code =
            if text.contains("lock file") || text.contains("lock hold") || text.contains("/LOCK:") {
                .inUse
            } else if text.contains("Permission denied") || text.contains("Read-only file system") {
                .permissionDenied
            } else if text.contains("No space left") {
                .noSpace
            } else if text.hasPrefix("IO error") {
                .io
            } else {
                .index
            }
        return StoreError(code, "the key index \(path): \(text)")
    }

    func damaged(_ what: String) -> StoreError { Self.damaged(path, what) }

    static func damaged(_ path: String, _ what: String) -> StoreError {
        StoreError(
            .corruption,
            "the key index \(path) is damaged: \(what). It is only a view: stop the database, "
                + "remove this folder, and it is made anew from the ledger")
    }
}
