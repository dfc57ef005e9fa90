#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace bridge {

/// Some threads, and the work that waits for them.
class ThreadPool {
public:
    /// - Throws: std::system_error when there are no threads to be had.
    explicit ThreadPool(int threadCount);
    /// Waits for the threads to end. Work that waits is dropped.
    ~ThreadPool();
    ThreadPool(const ThreadPool &) = delete;

    void add(void (*function)(void *), void *argument, void *tag, void (*dropped)(void *));
    /// Removes the work with this tag that no thread has begun.
    int remove(void *tag);
    unsigned int waitingCount();
    int threadCount() const { return static_cast<int>(threads.size()); }

private:
    struct Work {
        void (*function)(void *);
        void *argument;
        void *tag;
        void (*dropped)(void *);
    };

    void run();
    void stop();

    std::mutex mutex;
    std::condition_variable hasWork;
    std::deque<Work> work;
    bool isStopped = false;
    std::vector<std::thread> threads;
};

/// The threads of one database, or of several that share them.
struct ThreadPools {
    ThreadPools(int mergingThreads, int flushingThreads)
        : merging(mergingThreads), flushing(flushingThreads) {}

    ThreadPool merging;
    ThreadPool flushing;
};

}  // namespace bridge
