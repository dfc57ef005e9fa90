#include "Status.h"

namespace bridge {

rocksdb::IOStatus ioStatus(rocks_status status) {
    if (status.code == ROCKS_OK) return rocksdb::IOStatus::OK();
    std::string message = status.message ? status.message : "";
    std::free(status.message);
    message += codeMark;
    message += static_cast<char>('A' + status.code);
    // RocksDB asks whether a file exists, or goes on without one, by these two.
    if (status.code == ROCKS_MISSING_FILE) return rocksdb::IOStatus::PathNotFound(message);
    return rocksdb::IOStatus::IOError(message);
}

rocks_code takeCode(std::string &message) {
    rocks_code first = ROCKS_OK;
    size_t mark = 0;
    while ((mark = message.find(codeMark, mark)) != std::string::npos) {
        if (first == ROCKS_OK && mark + 1 < message.size()) {
            int code = message[mark + 1] - 'A';
            if (code > ROCKS_OK && code <= ROCKS_OTHER) first = static_cast<rocks_code>(code);
        }
        message.erase(mark, 2);
    }
    return first;
}

rocks_status makeStatus(rocks_code code, const std::string &message) noexcept {
    return {code, strdup(message.c_str())};
}

rocks_status makeStatus(const rocksdb::Status &status) {
    if (status.ok()) return {ROCKS_OK, nullptr};
    std::string message = status.ToString();
    rocks_code code = takeCode(message);
    if (code != ROCKS_OK) return makeStatus(code, message);
    switch (status.code()) {
    case rocksdb::Status::kCorruption: code = ROCKS_CORRUPTION; break;
    case rocksdb::Status::kIOError: code = ROCKS_IO; break;
    case rocksdb::Status::kBusy: code = ROCKS_IN_USE; break;
    case rocksdb::Status::kNotFound: code = ROCKS_MISSING_FILE; break;
    case rocksdb::Status::kInvalidArgument:
    case rocksdb::Status::kNotSupported: code = ROCKS_INCOMPATIBLE; break;
    default: code = ROCKS_OTHER;
    }
    return makeStatus(code, message);
}

rocks_status cannotStartThreads(const std::system_error &error) noexcept {
    try {
        return makeStatus(
            ROCKS_NO_THREADS,
            std::string("cannot start the threads of the key index: ") + error.code().message());
    } catch (...) {
        return {ROCKS_NO_THREADS, nullptr};
    }
}

rocks_status currentException() noexcept {
    try {
        throw;
    } catch (const std::system_error &error) {
        // Nothing but std::thread and locks throw this here.
        return {ROCKS_NO_THREADS, strdup(error.what())};
    } catch (const std::exception &error) {
        return {ROCKS_OTHER, strdup(error.what())};
    } catch (...) {
        return {ROCKS_OTHER, strdup("an unknown exception")};
    }
}

}  // namespace bridge
