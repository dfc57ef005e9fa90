#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <optional>

#include "Host.h"
#include "Resources.h"
#include "RocksDBBridge.h"
#include "ThreadedEnvironment.h"

/// An open database and all that it uses.
struct rocks_database {
    std::shared_ptr<bridge::Host> host;
    /// Given back when the database has ended.
    std::optional<bridge::MemtableLimit::Share> memtables;
    std::unique_ptr<bridge::ThreadedEnvironment> environment;
    /// Closed before its environment goes.
    std::unique_ptr<rocksdb::DB> database;
    rocksdb::ReadOptions readOptions;
    /// As `readOptions`, for blocks that are not worth a place in the cache.
    rocksdb::ReadOptions passingReadOptions;
    rocksdb::WriteOptions writeOptions;
};
