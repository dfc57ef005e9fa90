#include "ThreadedEnvironment.h"

#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <algorithm>

namespace bridge {

namespace {

/// A clock that sleeps for 10 ms at most, and that is never before 1970.
///
/// RocksDB ends the process if the clock returns a time before that. After a failure in the background RocksDB sleeps for a
/// second before it tries again. Here it never tries again (`max_bgerror_resume_count`), and the thread that closes the
/// index to open it again would wait for that second, and all writers with it. Other sleeps of RocksDB are shorter.
class PatchedClock : public rocksdb::SystemClockWrapper {
public:
    PatchedClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}

    const char *Name() const override { return "PatchedClock"; }

    void SleepForMicroseconds(int microseconds) override {
        target_->SleepForMicroseconds(std::min(microseconds, 10'000));
    }

    uint64_t NowMicros() override {
        return std::max<int64_t>(0, static_cast<int64_t>(target_->NowMicros()));
    }

    rocksdb::Status GetCurrentTime(int64_t *seconds) override {
        rocksdb::Status status = target_->GetCurrentTime(seconds);
        if (status.ok()) *seconds = std::max<int64_t>(0, *seconds);
        return status;
    }
};

}  // namespace

ThreadedEnvironment::ThreadedEnvironment(
    std::shared_ptr<rocksdb::FileSystem> fileSystem, std::shared_ptr<ThreadPools> pools)
    : EnvWrapper(rocksdb::NewCompositeEnv(fileSystem)), pools(std::move(pools)) {
    // RocksDB takes these two from the environment that it is given, not from the wrapped one.
    file_system_ = fileSystem;
    system_clock_ = std::make_shared<PatchedClock>();
}

/// There is no third pool, for merging into the last level: without one, RocksDB uses the second.
ThreadPool *ThreadedEnvironment::pool(Priority priority) const {
    switch (priority) {
    case HIGH: return &pools->flushing;
    case BOTTOM: return nullptr;
    default: return &pools->merging;
    }
}

void ThreadedEnvironment::Schedule(
    void (*function)(void *), void *argument, Priority priority, void *tag,
    void (*dropped)(void *)) {
    ThreadPool *chosen = pool(priority);
    (chosen ? chosen : &pools->merging)->add(function, argument, tag, dropped);
}

int ThreadedEnvironment::UnSchedule(void *tag, Priority priority) {
    ThreadPool *chosen = pool(priority);
    return chosen ? chosen->remove(tag) : 0;
}

/// RocksDB itself starts no thread this way.
void ThreadedEnvironment::StartThread(void (*function)(void *), void *argument) {
    pools->merging.add(function, argument, nullptr, nullptr);
}

unsigned int ThreadedEnvironment::GetThreadPoolQueueLen(Priority priority) const {
    ThreadPool *chosen = pool(priority);
    return chosen ? chosen->waitingCount() : 0;
}

int ThreadedEnvironment::GetBackgroundThreads(Priority priority) {
    ThreadPool *chosen = pool(priority);
    return chosen ? chosen->threadCount() : 0;
}

}  // namespace bridge
