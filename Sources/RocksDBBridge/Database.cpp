#include "Database.h"

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "Resources.h"
#include "Status.h"
#include "Timer.h"

namespace {

using bridge::guarded;
using bridge::makeStatus;

/// LZ4 if the library was built with it; nothing otherwise.
rocksdb::CompressionType compression() {
    auto known = rocksdb::GetSupportedCompressions();
    bool hasLZ4 = std::find(known.begin(), known.end(), rocksdb::kLZ4Compression) != known.end();
    return hasLZ4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

/// Keeps RocksDB from starting threads other than those of the environment and the timer: where
/// there are none to be had, it would end the process.
void startNoThreads(rocksdb::Options &settings) {
    // One more thread for each beyond the first.
    settings.max_file_opening_threads = 1;
    settings.max_subcompactions = 1;
    // RocksDB would wait for the disk to recover. An error stays until the database is reopened.
    settings.max_bgerror_resume_count = 0;
    settings.stats_dump_period_sec = 0;
    settings.stats_persist_period_sec = 0;
}

void setTables(
    rocksdb::Options &settings, const rocks_options &options, const rocks_resources &resources) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = resources.blockCache;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(options.bloom_bits_per_key, false));
    table.whole_key_filtering = true;
    table.format_version = 5;
    settings.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
}

rocksdb::Options makeOptions(const rocks_options &options, const rocks_resources &resources) {
    rocksdb::Options settings;
    settings.create_if_missing = !options.is_read_only;
    settings.paranoid_checks = true;
    settings.max_background_jobs = resources.pools->merging.threadCount();
    settings.compression = compression();
    startNoThreads(settings);

    // At most 4 memtables: one that fills, and three that wait to be written when the disk is slow.
    settings.write_buffer_size = options.memtable_byte_count;
    settings.max_write_buffer_number = 4;
    if (resources.memtables) {
        settings.write_buffer_manager = resources.memtables->manager;
        // What a memtable takes at a time counts for the limit at once: a mebibyte by default.
        settings.arena_block_size = 128 << 10;
    }
    // There is one writer; without support for several, entries in key order go in faster.
    settings.allow_concurrent_memtable_write = false;
    // A filter in each memtable, since each new key is first looked up and not found.
    settings.memtable_prefix_bloom_size_ratio = 0.02;
    settings.memtable_whole_key_filtering = true;

    // Memtables are written often, so files come in small: merging 8 at a time instead of 4 saves a
    // seventh of all CPU, and the filters keep lookups as fast.
    settings.level0_file_num_compaction_trigger = 8;
    settings.target_file_size_base = 32 << 20;
    settings.max_bytes_for_level_base = 128 << 20;
    settings.max_open_files = options.max_open_files;
    setTables(settings, options, resources);
    return settings;
}

}  // namespace

rocks_status rocks_open(
    const char *path, rocks_options options, rocks_resources *resources, rocks_host functions,
    rocks_database **result) {
    *result = nullptr;
    return guarded([&]() -> rocks_status {
        auto host = std::make_shared<bridge::Host>(functions);
        auto opened = std::make_unique<rocks_database>();
        opened->host = host;
        opened->memtables.emplace(resources->memtables);
        rocksdb::Options settings = makeOptions(options, *resources);
        settings.info_log = bridge::makeLogger(host);
        settings.listeners.push_back(bridge::makeListener(host));
        opened->writeOptions.disableWAL = true;
        opened->passingReadOptions.fill_cache = false;
        rocksdb::DB *database = nullptr;
        try {
            opened->environment = std::make_unique<bridge::ThreadedEnvironment>(
                bridge::makeFileSystem(host), resources->pools);
            bridge::startTimer();
            settings.env = opened->environment.get();
            rocksdb::Status status =
                options.is_read_only ? rocksdb::DB::OpenForReadOnly(settings, path, &database)
                                     : rocksdb::DB::Open(settings, path, &database);
            if (!status.ok()) return makeStatus(status);
        } catch (const std::system_error &error) {
            // RocksDB leaves the half-open database behind, and its work may be running: the
            // environment has to stay.
            host->abandon();
            opened->environment.release();
            return bridge::cannotStartThreads(error);
        } catch (...) {
            host->abandon();
            opened->environment.release();
            throw;
        }
        opened->database.reset(database);
        *result = opened.release();
        return {ROCKS_OK, nullptr};
    });
}

void rocks_close(rocks_database *database) {
    rocks_status status = guarded([&]() -> rocks_status {
        // What could not be written is applied again from the ledger.
        database->database->Close().PermitUncheckedError();
        delete database;
        return {ROCKS_OK, nullptr};
    });
    std::free(status.message);
}

rocks_status rocks_remove(const char *path, rocks_host functions) {
    return guarded([&]() -> rocks_status {
        auto host = std::make_shared<bridge::Host>(functions);
        // RocksDB would start threads in its own environment; removing files needs none.
        bridge::ThreadedEnvironment environment(
            bridge::makeFileSystem(host), std::make_shared<bridge::ThreadPools>(0, 0));
        rocksdb::Options settings;
        settings.env = &environment;
        settings.info_log = bridge::makeLogger(host);
        return makeStatus(rocksdb::DestroyDB(path, settings));
    });
}

rocks_status rocks_flush(rocks_database *database, bool wait) {
    return guarded([&]() -> rocks_status {
        rocksdb::FlushOptions options;
        options.wait = wait;
        return makeStatus(database->database->Flush(options));
    });
}

rocks_status rocks_verify_checksums(rocks_database *database) {
    return guarded([&]() -> rocks_status {
        return makeStatus(database->database->VerifyChecksum(database->passingReadOptions));
    });
}

uint64_t rocks_file_byte_count(rocks_database *database) {
    uint64_t count = 0;
    rocks_status status = guarded([&]() -> rocks_status {
        database->database->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &count);
        return {ROCKS_OK, nullptr};
    });
    std::free(status.message);
    return count;
}

rocks_memory rocks_memory_use(rocks_database *database) {
    rocks_memory memory = {0, 0, 0};
    rocks_status status = guarded([&]() -> rocks_status {
        rocksdb::DB &open = *database->database;
        open.GetIntProperty(rocksdb::DB::Properties::kSizeAllMemTables, &memory.memtables);
        open.GetIntProperty(rocksdb::DB::Properties::kEstimateTableReadersMem, &memory.tables);
        open.GetIntProperty(rocksdb::DB::Properties::kBlockCacheUsage, &memory.block_cache);
        return {ROCKS_OK, nullptr};
    });
    std::free(status.message);
    return memory;
}
