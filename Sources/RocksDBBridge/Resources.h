#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/write_buffer_manager.h>

#include <memory>
#include <mutex>

#include "RocksDBBridge.h"
#include "ThreadPool.h"

namespace bridge {

/// Limits the memory of the memtables of all databases that share it.
///
/// RocksDB writes a database's memtable to disk when all of them together have reached the limit and
/// this one is written to. An empty memtable takes some memory as well, so with many databases and a
/// small limit each write would cause a file. Hence the limit grows with the databases.
class MemtableLimit {
public:
    explicit MemtableLimit(size_t byteCount);

    /// The part of a database, from its opening to its end.
    class Share {
    public:
        explicit Share(std::shared_ptr<MemtableLimit> limit);
        ~Share();
        Share(const Share &) = delete;

    private:
        const std::shared_ptr<MemtableLimit> limit;
    };

    const std::shared_ptr<rocksdb::WriteBufferManager> manager;

private:
    void add(int databaseCount);

    const size_t byteCount;
    std::mutex mutex;
    size_t databaseCount = 0;
};

}  // namespace bridge

/// What databases can share. Each open database owns its parts, too, so they outlive this handle.
struct rocks_resources {
    explicit rocks_resources(const rocks_resource_options &options);

    const std::shared_ptr<bridge::ThreadPools> pools;
    const std::shared_ptr<rocksdb::Cache> blockCache;
    /// The limit of the databases' memtables together; null where each has its own limit only.
    const std::shared_ptr<bridge::MemtableLimit> memtables;
};
