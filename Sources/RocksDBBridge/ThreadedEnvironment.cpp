#include "ThreadedEnvironment.h"

#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace bridge {

/// Some threads, and the work that waits for them.
class ThreadedEnvironment::Pool {
public:
    explicit Pool(int threadCount) {
        try {
            for (int count = 0; count < threadCount; count++) {
                threads.emplace_back([this] { run(); });
            }
        } catch (...) {
            stop();
            throw;
        }
    }

    ~Pool() { stop(); }

    void add(void (*function)(void *), void *argument, void *tag, void (*dropped)(void *)) {
        {
            std::lock_guard<std::mutex> guard(mutex);
            work.push_back({function, argument, tag, dropped});
        }
        hasWork.notify_one();
    }

    /// Removes the work with this tag that no thread has begun.
    int remove(void *tag) {
        std::vector<Work> removed;
        {
            std::lock_guard<std::mutex> guard(mutex);
            for (auto place = work.begin(); place != work.end();) {
                if (place->tag == tag) {
                    removed.push_back(*place);
                    place = work.erase(place);
                } else {
                    ++place;
                }
            }
        }
        for (const Work &one : removed) {
            if (one.dropped) one.dropped(one.argument);
        }
        return static_cast<int>(removed.size());
    }

    unsigned int waitingCount() {
        std::lock_guard<std::mutex> guard(mutex);
        return static_cast<unsigned int>(work.size());
    }

    int threadCount() const { return static_cast<int>(threads.size()); }

private:
    struct Work {
        void (*function)(void *);
        void *argument;
        void *tag;
        void (*dropped)(void *);
    };

    void run() {
        std::unique_lock<std::mutex> guard(mutex);
        while (true) {
            hasWork.wait(guard, [this] { return isStopped || !work.empty(); });
            if (isStopped) return;
            Work next = work.front();
            work.pop_front();
            guard.unlock();
            next.function(next.argument);
            guard.lock();
        }
    }

    void stop() {
        {
            std::lock_guard<std::mutex> guard(mutex);
            isStopped = true;
        }
        hasWork.notify_all();
        for (std::thread &thread : threads) thread.join();
        threads.clear();
    }

    std::mutex mutex;
    std::condition_variable hasWork;
    std::deque<Work> work;
    bool isStopped = false;
    std::vector<std::thread> threads;
};

namespace {

/// A clock that sleeps for 10 ms at most.
///
/// After a failure in the background RocksDB sleeps for a second, so as not to try again all the
/// time. Here it never tries again (`max_bgerror_resume_count`), and whoever closes the index to
/// open it again waits for that second, and all writers with it. Its other sleeps are shorter.
class ImpatientClock : public rocksdb::SystemClockWrapper {
public:
    ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}

    const char *Name() const override { return "ImpatientClock"; }

    void SleepForMicroseconds(int microseconds) override {
        target_->SleepForMicroseconds(std::min(microseconds, 10'000));
    }
};

}  // namespace

ThreadedEnvironment::ThreadedEnvironment(
    std::shared_ptr<rocksdb::FileSystem> fileSystem, int mergingThreads, int flushingThreads)
    : EnvWrapper(rocksdb::NewCompositeEnv(fileSystem)),
      merging(new Pool(mergingThreads)),
      flushing(new Pool(flushingThreads)) {
    // RocksDB takes these two from the environment that it is given, not from the wrapped one.
    file_system_ = fileSystem;
    system_clock_ = std::make_shared<ImpatientClock>();
}

ThreadedEnvironment::~ThreadedEnvironment() = default;

/// There is no third pool, for merging into the last level: without one, RocksDB uses the second.
ThreadedEnvironment::Pool *ThreadedEnvironment::pool(Priority priority) const {
    switch (priority) {
    case HIGH: return flushing.get();
    case BOTTOM: return nullptr;
    default: return merging.get();
    }
}

void ThreadedEnvironment::Schedule(
    void (*function)(void *), void *argument, Priority priority, void *tag,
    void (*dropped)(void *)) {
    Pool *chosen = pool(priority);
    (chosen ? chosen : merging.get())->add(function, argument, tag, dropped);
}

int ThreadedEnvironment::UnSchedule(void *tag, Priority priority) {
    Pool *chosen = pool(priority);
    return chosen ? chosen->remove(tag) : 0;
}

/// RocksDB itself starts no thread this way.
void ThreadedEnvironment::StartThread(void (*function)(void *), void *argument) {
    merging->add(function, argument, nullptr, nullptr);
}

unsigned int ThreadedEnvironment::GetThreadPoolQueueLen(Priority priority) const {
    Pool *chosen = pool(priority);
    return chosen ? chosen->waitingCount() : 0;
}

int ThreadedEnvironment::GetBackgroundThreads(Priority priority) {
    Pool *chosen = pool(priority);
    return chosen ? chosen->threadCount() : 0;
}

}  // namespace bridge
