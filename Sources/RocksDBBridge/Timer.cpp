#include "Timer.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>

#include <cstdarg>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "ThreadedEnvironment.h"

namespace bridge {
namespace {

class NoLogger : public rocksdb::Logger {
public:
    void LogHeader(const char *, va_list) override {}
    void Logv(const char *, va_list) override {}
    void Logv(const rocksdb::InfoLogLevel, const char *, va_list) override {}

protected:
    rocksdb::Status CloseImpl() override { return rocksdb::Status::OK(); }
};

/// Opens an empty database in memory and leaves it open: there is no other way to the timer.
void openKeeper() {
    // Never freed, as the database uses them as long as the process lives.
    auto memory = rocksdb::NewMemEnv(rocksdb::Env::Default());
    auto environment = new ThreadedEnvironment(
        memory->GetFileSystem(), std::make_shared<ThreadPools>(0, 0));
    rocksdb::BlockBasedTableOptions table;
    table.no_block_cache = true;
    rocksdb::Options settings;
    settings.env = environment;
    settings.info_log = std::make_shared<NoLogger>();
    settings.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    settings.create_if_missing = true;
    settings.write_buffer_size = 64 << 10;
    settings.max_file_opening_threads = 1;
    settings.max_bgerror_resume_count = 0;
    settings.stats_dump_period_sec = 0;
    settings.stats_persist_period_sec = 0;
    rocksdb::DB *keeper = nullptr;
    rocksdb::Status status = rocksdb::DB::Open(settings, "/timer", &keeper);
    if (!status.ok()) throw std::runtime_error("RocksDB's timer: " + status.ToString());
}

}  // namespace

void startTimer() {
    static std::mutex mutex;
    static bool isStarted = false;
    std::lock_guard<std::mutex> guard(mutex);
    if (isStarted) return;
    openKeeper();
    isStarted = true;
}

}  // namespace bridge
