#include "ThreadPool.h"

namespace bridge {

ThreadPool::ThreadPool(int threadCount) {
    try {
        for (int count = 0; count < threadCount; count++) {
            threads.emplace_back([this] { run(); });
        }
    } catch (...) {
        stop();
        throw;
    }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::add(
    void (*function)(void *), void *argument, void *tag, void (*dropped)(void *)) {
    {
        std::lock_guard<std::mutex> guard(mutex);
        work.push_back({function, argument, tag, dropped});
    }
    hasWork.notify_one();
}

int ThreadPool::remove(void *tag) {
    std::vector<Work> removed;
    {
        std::lock_guard<std::mutex> guard(mutex);
        for (auto next = work.begin(); next != work.end();) {
            if (next->tag == tag) {
                removed.push_back(*next);
                next = work.erase(next);
            } else {
                ++next;
            }
        }
    }
    for (const Work &one : removed) {
        if (one.dropped) one.dropped(one.argument);
    }
    return static_cast<int>(removed.size());
}

unsigned int ThreadPool::waitingCount() {
    std::lock_guard<std::mutex> guard(mutex);
    return static_cast<unsigned int>(work.size());
}

void ThreadPool::run() {
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

void ThreadPool::stop() {
    {
        std::lock_guard<std::mutex> guard(mutex);
        isStopped = true;
    }
    hasWork.notify_all();
    for (std::thread &thread : threads) thread.join();
    threads.clear();
}

}  // namespace bridge
