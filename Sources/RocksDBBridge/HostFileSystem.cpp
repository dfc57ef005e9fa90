#include <string>
#include <vector>

#include "Host.h"
#include "Status.h"

// What RocksDB asks of a file system, forwarded to the host. RocksDB's own implementation aborts
// the process in some places where the operating system returns an error; here each error is
// returned.

namespace bridge {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus abandonedError() {
    return IOStatus::IOError("the database was left while it was opened");
}

/// An open file of the host.
class HostFile {
public:
    HostFile(std::shared_ptr<Host> host, void *file) : host(std::move(host)), file(file) {}
    ~HostFile() { host->functions.close(file); }
    HostFile(const HostFile &) = delete;

    IOStatus read(uint64_t offset, size_t count, Slice *result, char *scratch) const {
        size_t done = 0;
        IOStatus status = ioStatus(host->functions.read(file, offset, scratch, count, &done));
        *result = status.ok() ? Slice(scratch, done) : Slice();
        return status;
    }

    IOStatus write(uint64_t offset, const Slice &bytes) {
        if (host->isAbandoned()) return abandonedError();
        return ioStatus(host->functions.write(file, offset, bytes.data(), bytes.size()));
    }

    IOStatus sync() { return ioStatus(host->functions.sync(file)); }

    IOStatus truncate(uint64_t count) { return ioStatus(host->functions.truncate(file, count)); }

    IOStatus size(uint64_t *count) const { return ioStatus(host->functions.size(file, count)); }

private:
    std::shared_ptr<Host> host;
    void *file;
};

class SequentialFile : public rocksdb::FSSequentialFile {
public:
    explicit SequentialFile(std::unique_ptr<HostFile> file) : file(std::move(file)) {}

    IOStatus Read(
        size_t count, const IOOptions &, Slice *result, char *scratch, IODebugContext *) override {
        IOStatus status = file->read(offset, count, result, scratch);
        if (status.ok()) offset += result->size();
        return status;
    }

    IOStatus Skip(uint64_t count) override {
        offset += count;
        return IOStatus::OK();
    }

private:
    std::unique_ptr<HostFile> file;
    uint64_t offset = 0;
};

class RandomAccessFile : public rocksdb::FSRandomAccessFile {
public:
    explicit RandomAccessFile(std::unique_ptr<HostFile> file) : file(std::move(file)) {}

    IOStatus Read(
        uint64_t offset, size_t count, const IOOptions &, Slice *result, char *scratch,
        IODebugContext *) const override {
        return file->read(offset, count, result, scratch);
    }

private:
    std::unique_ptr<HostFile> file;
};

/// A file that is written from its beginning to its end. After a failure it takes no more: what the
/// disk holds is unknown, and a later success would hide it.
class WritableFile : public rocksdb::FSWritableFile {
public:
    explicit WritableFile(std::unique_ptr<HostFile> file) : file(std::move(file)) {}

    using FSWritableFile::Append;

    IOStatus Append(const Slice &bytes, const IOOptions &, IODebugContext *) override {
        if (!failure.ok()) return failure;
        if (!file) return closed();
        failure = file->write(count, bytes);
        if (failure.ok()) count += bytes.size();
        return failure;
    }

    IOStatus Truncate(uint64_t size, const IOOptions &, IODebugContext *) override {
        if (!failure.ok()) return failure;
        if (!file) return closed();
        failure = file->truncate(size);
        if (failure.ok()) count = size;
        return failure;
    }

    IOStatus Close(const IOOptions &, IODebugContext *) override {
        file.reset();
        return IOStatus::OK();
    }

    IOStatus Flush(const IOOptions &, IODebugContext *) override { return failure; }

    IOStatus Sync(const IOOptions &, IODebugContext *) override {
        if (!failure.ok()) return failure;
        if (!file) return closed();
        failure = file->sync();
        return failure;
    }

    uint64_t GetFileSize(const IOOptions &, IODebugContext *) override { return count; }

private:
    static IOStatus closed() { return IOStatus::IOError("the file is closed"); }

    std::unique_ptr<HostFile> file;
    uint64_t count = 0;
    IOStatus failure;
};

class Folder : public rocksdb::FSDirectory {
public:
    Folder(std::shared_ptr<Host> host, const std::string &path)
        : host(std::move(host)), path(path) {}

    IOStatus Fsync(const IOOptions &, IODebugContext *) override {
        return ioStatus(host->functions.sync_folder(host->functions.context, path.c_str()));
    }

    IOStatus Close(const IOOptions &, IODebugContext *) override { return IOStatus::OK(); }

private:
    std::shared_ptr<Host> host;
    std::string path;
};

class HostLock : public rocksdb::FileLock {
public:
    explicit HostLock(void *lock) : lock(lock) {}
    void *const lock;
};

class HostFileSystem : public rocksdb::FileSystem {
public:
    explicit HostFileSystem(std::shared_ptr<Host> host) : host(std::move(host)) {}

    const char *Name() const override { return "HostFileSystem"; }

    IOStatus NewSequentialFile(
        const std::string &path, const FileOptions &,
        std::unique_ptr<rocksdb::FSSequentialFile> *result, IODebugContext *) override {
        std::unique_ptr<HostFile> file;
        IOStatus status = open(host->functions.open_to_read, path, &file);
        if (status.ok()) result->reset(new SequentialFile(std::move(file)));
        return status;
    }

    IOStatus NewRandomAccessFile(
        const std::string &path, const FileOptions &,
        std::unique_ptr<rocksdb::FSRandomAccessFile> *result, IODebugContext *) override {
        std::unique_ptr<HostFile> file;
        IOStatus status = open(host->functions.open_to_read, path, &file);
        if (status.ok()) result->reset(new RandomAccessFile(std::move(file)));
        return status;
    }

    IOStatus NewWritableFile(
        const std::string &path, const FileOptions &,
        std::unique_ptr<rocksdb::FSWritableFile> *result, IODebugContext *) override {
        std::unique_ptr<HostFile> file;
        IOStatus status = open(host->functions.open_to_write, path, &file);
        if (status.ok()) result->reset(new WritableFile(std::move(file)));
        return status;
    }

    IOStatus NewDirectory(
        const std::string &path, const IOOptions &, std::unique_ptr<rocksdb::FSDirectory> *result,
        IODebugContext *) override {
        result->reset(new Folder(host, path));
        return IOStatus::OK();
    }

    IOStatus FileExists(const std::string &path, const IOOptions &, IODebugContext *) override {
        bool result = false;
        IOStatus status = exists(path, &result);
        if (status.ok() && !result) return IOStatus::NotFound(path);
        return status;
    }

    IOStatus GetChildren(
        const std::string &path, const IOOptions &, std::vector<std::string> *result,
        IODebugContext *) override {
        result->clear();
        auto add = [](void *names, const char *name) {
            static_cast<std::vector<std::string> *>(names)->push_back(name);
        };
        return ioStatus(
            host->functions.list(host->functions.context, path.c_str(), result, add));
    }

    IOStatus DeleteFile(const std::string &path, const IOOptions &, IODebugContext *) override {
        if (host->isAbandoned()) return abandonedError();
        return ioStatus(host->functions.remove(host->functions.context, path.c_str()));
    }

    IOStatus Truncate(
        const std::string &path, size_t size, const IOOptions &, IODebugContext *) override {
        std::unique_ptr<HostFile> file;
        IOStatus status = open(host->functions.open_to_change, path, &file);
        return status.ok() ? file->truncate(size) : status;
    }

    IOStatus CreateDir(const std::string &path, const IOOptions &, IODebugContext *) override {
        return ioStatus(host->functions.create_folder(host->functions.context, path.c_str()));
    }

    IOStatus CreateDirIfMissing(
        const std::string &path, const IOOptions &options, IODebugContext *context) override {
        bool isThere = false;
        IOStatus status = exists(path, &isThere);
        return status.ok() && !isThere ? CreateDir(path, options, context) : status;
    }

    // An empty folder does no harm; the host has no call to remove one.
    IOStatus DeleteDir(const std::string &, const IOOptions &, IODebugContext *) override {
        return IOStatus::OK();
    }

    IOStatus GetFileSize(
        const std::string &path, const IOOptions &, uint64_t *size, IODebugContext *) override {
        std::unique_ptr<HostFile> file;
        IOStatus status = open(host->functions.open_to_read, path, &file);
        return status.ok() ? file->size(size) : status;
    }

    // RocksDB wants it for files of a write-ahead log only, which the key index has not.
    IOStatus GetFileModificationTime(
        const std::string &, const IOOptions &, uint64_t *time, IODebugContext *) override {
        *time = 0;
        return IOStatus::OK();
    }

    IOStatus RenameFile(
        const std::string &path, const std::string &newPath, const IOOptions &,
        IODebugContext *) override {
        if (host->isAbandoned()) return abandonedError();
        return ioStatus(host->functions.rename(
            host->functions.context, path.c_str(), newPath.c_str()));
    }

    IOStatus LockFile(
        const std::string &path, const IOOptions &, rocksdb::FileLock **result,
        IODebugContext *) override {
        *result = nullptr;
        void *lock = nullptr;
        IOStatus status =
            ioStatus(host->functions.lock(host->functions.context, path.c_str(), &lock));
        if (!status.ok()) return status;
        host->add(lock);
        *result = new HostLock(lock);
        return status;
    }

    IOStatus UnlockFile(
        rocksdb::FileLock *lock, const IOOptions &, IODebugContext *) override {
        host->unlock(static_cast<HostLock *>(lock)->lock);
        delete lock;
        return IOStatus::OK();
    }

    IOStatus GetTestDirectory(const IOOptions &, std::string *, IODebugContext *) override {
        return IOStatus::NotSupported("GetTestDirectory");
    }

    IOStatus NewLogger(
        const std::string &, const IOOptions &, std::shared_ptr<rocksdb::Logger> *result,
        IODebugContext *) override {
        *result = makeLogger(host);
        return IOStatus::OK();
    }

    IOStatus GetAbsolutePath(
        const std::string &path, const IOOptions &, std::string *result,
        IODebugContext *) override {
        *result = path;
        return IOStatus::OK();
    }

    IOStatus IsDirectory(
        const std::string &, const IOOptions &, bool *, IODebugContext *) override {
        return IOStatus::NotSupported("IsDirectory");
    }

private:
    using Open = rocks_status (*)(void *context, const char *path, void **file);

    IOStatus open(Open function, const std::string &path, std::unique_ptr<HostFile> *result) {
        if (host->isAbandoned()) return abandonedError();
        void *file = nullptr;
        IOStatus status = ioStatus(function(host->functions.context, path.c_str(), &file));
        if (status.ok()) result->reset(new HostFile(host, file));
        return status;
    }

    IOStatus exists(const std::string &path, bool *result) {
        return ioStatus(host->functions.exists(host->functions.context, path.c_str(), result));
    }

    std::shared_ptr<Host> host;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> makeFileSystem(std::shared_ptr<Host> host) {
    return std::make_shared<HostFileSystem>(std::move(host));
}

}  // namespace bridge
