#include "Resources.h"

#include <algorithm>

#include "Status.h"

namespace bridge {

namespace {

/// More than an empty memtable takes: its filter of 0.3 MiB and its first block.
const size_t leastByteCountOfDatabase = 1 << 20;

}  // namespace

MemtableLimit::MemtableLimit(size_t byteCount)
    : manager(std::make_shared<rocksdb::WriteBufferManager>(byteCount)), byteCount(byteCount) {}

void MemtableLimit::add(int count) {
    std::lock_guard<std::mutex> guard(mutex);
    databaseCount += count;
    manager->SetBufferSize(std::max(byteCount, databaseCount * leastByteCountOfDatabase));
}

MemtableLimit::Share::Share(std::shared_ptr<MemtableLimit> limit) : limit(std::move(limit)) {
    if (this->limit) this->limit->add(1);
}

MemtableLimit::Share::~Share() {
    if (limit) limit->add(-1);
}

}  // namespace bridge

rocks_resources::rocks_resources(const rocks_resource_options &options)
    : pools(
          std::make_shared<bridge::ThreadPools>(options.merging_threads, options.flushing_threads)),
      blockCache(rocksdb::NewLRUCache(options.cache_byte_count)),
      memtables(
          options.memtables_byte_count == 0
              ? nullptr
              : std::make_shared<bridge::MemtableLimit>(options.memtables_byte_count)) {}

rocks_status rocks_resources_create(rocks_resource_options options, rocks_resources **resources) {
    *resources = nullptr;
    return bridge::guarded([&]() -> rocks_status {
        try {
            *resources = new rocks_resources(options);
        } catch (const std::system_error &error) {
            return bridge::cannotStartThreads(error);
        }
        return {ROCKS_OK, nullptr};
    });
}

void rocks_resources_release(rocks_resources *resources) {
    rocks_status status = bridge::guarded([&]() -> rocks_status {
        delete resources;
        return {ROCKS_OK, nullptr};
    });
    std::free(status.message);
}
