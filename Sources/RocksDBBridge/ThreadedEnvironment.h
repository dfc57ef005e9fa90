#pragma once

#include <rocksdb/env.h>

#include <memory>

#include "ThreadPool.h"

namespace bridge {

/// What RocksDB knows of the system: a file system, and threads that run its work in the
/// background.
///
/// RocksDB's own environment starts threads when work comes, and ends the process when there are
/// none to be had. Here all threads run before a database is opened; several databases, each with an
/// environment of its own, can share them.
class ThreadedEnvironment : public rocksdb::EnvWrapper {
public:
    ThreadedEnvironment(
        std::shared_ptr<rocksdb::FileSystem> fileSystem, std::shared_ptr<ThreadPools> pools);

    const char *Name() const override { return "ThreadedEnvironment"; }

    void Schedule(
        void (*function)(void *), void *argument, Priority priority, void *tag,
        void (*dropped)(void *)) override;
    int UnSchedule(void *tag, Priority priority) override;
    void StartThread(void (*function)(void *), void *argument) override;
    void WaitForJoin() override {}
    unsigned int GetThreadPoolQueueLen(Priority priority) const override;
    int ReserveThreads(int, Priority) override { return 0; }
    int ReleaseThreads(int, Priority) override { return 0; }
    void SetBackgroundThreads(int, Priority) override {}
    int GetBackgroundThreads(Priority priority) override;
    void IncBackgroundThreadsIfNeeded(int, Priority) override {}
    void LowerThreadPoolIOPriority(Priority) override {}
    void LowerThreadPoolCPUPriority(Priority) override {}
    rocksdb::Status LowerThreadPoolCPUPriority(Priority, rocksdb::CpuPriority) override {
        return rocksdb::Status::OK();
    }

private:
    ThreadPool *pool(Priority priority) const;

    const std::shared_ptr<ThreadPools> pools;
};

}  // namespace bridge
