#pragma once

#include <rocksdb/io_status.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "RocksDBBridge.h"

// A failure of the file system passes through RocksDB as an IOError without a subcode: others, such
// as NoSpace, make RocksDB start threads that wait for the disk to recover. So its code travels at
// the end of the message, behind a byte that no message has otherwise, and is taken off again when
// the error leaves the bridge. RocksDB copies messages around and adds to them, but cuts none.

namespace bridge {

constexpr char codeMark = '\x1d';

/// Hands a failure of the host to RocksDB. Frees its message.
rocksdb::IOStatus ioStatus(rocks_status status);

/// Removes the codes from a message of RocksDB.
/// - Returns: the first of them; ROCKS_OK without any.
rocks_code takeCode(std::string &message);

rocks_status makeStatus(rocks_code code, const std::string &message) noexcept;

/// Hands an error of RocksDB to the caller of the bridge.
rocks_status makeStatus(const rocksdb::Status &status);

rocks_status cannotStartThreads(const std::system_error &error) noexcept;

/// The status of an exception that was caught.
rocks_status currentException() noexcept;

/// Runs `body`, which returns a status, and turns an exception into one.
template <typename Body>
rocks_status guarded(Body body) noexcept {
    try {
        return body();
    } catch (...) {
        return currentException();
    }
}

}  // namespace bridge
