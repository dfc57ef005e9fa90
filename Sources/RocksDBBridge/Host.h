#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>

#include "RocksDBBridge.h"

namespace bridge {

/// The caller's functions, owned by all of RocksDB's objects that call them: they are released with
/// the last of these.
class Host {
public:
    explicit Host(const rocks_host &functions) : functions(functions) {}
    ~Host();
    Host(const Host &) = delete;

    /// Notes that a lock is held.
    void add(void *lock);
    /// Gives a lock back; one that was given back already is no error.
    void unlock(void *lock);
    /// Gives all locks back and refuses further changes, for a database that was left half open by
    /// an exception: it must not touch files that another may have open by then.
    void abandon();
    bool isAbandoned() const { return abandoned; }

    const rocks_host functions;

private:
    std::atomic<bool> abandoned{false};
    std::mutex mutex;
    std::set<void *> locks;
};

/// The host's file system as RocksDB wants one.
std::shared_ptr<rocksdb::FileSystem> makeFileSystem(std::shared_ptr<Host> host);

/// A log that passes warnings and errors on, and writes no file.
std::shared_ptr<rocksdb::Logger> makeLogger(std::shared_ptr<Host> host);

/// Calls the host before each flush.
std::shared_ptr<rocksdb::EventListener> makeListener(std::shared_ptr<Host> host);

}  // namespace bridge
