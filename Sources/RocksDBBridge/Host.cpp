#include "Host.h"

#include <cstdarg>
#include <cstdio>
#include <string>

#include "Status.h"

namespace bridge {

Host::~Host() {
    abandon();
    functions.release(functions.context);
}

void Host::add(void *lock) {
    std::lock_guard<std::mutex> guard(mutex);
    locks.insert(lock);
}

void Host::unlock(void *lock) {
    {
        std::lock_guard<std::mutex> guard(mutex);
        if (locks.erase(lock) == 0) return;
    }
    functions.unlock(lock);
}

void Host::abandon() {
    abandoned = true;
    std::set<void *> left;
    {
        std::lock_guard<std::mutex> guard(mutex);
        left.swap(locks);
    }
    for (void *lock : left) functions.unlock(lock);
}

namespace {

class HostLogger : public rocksdb::Logger {
public:
    explicit HostLogger(std::shared_ptr<Host> host)
        : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), host(std::move(host)) {}

    ~HostLogger() override { closed_ = true; }

    void LogHeader(const char *, va_list) override {}

    void Logv(const char *, va_list) override {}

    void Logv(const rocksdb::InfoLogLevel level, const char *format, va_list arguments) override {
        if (level < rocksdb::InfoLogLevel::WARN_LEVEL) return;
        if (level > rocksdb::InfoLogLevel::FATAL_LEVEL) return;
        char line[2048];
        int count = std::vsnprintf(line, sizeof line, format, arguments);
        if (count <= 0) return;
        std::string text(line);
        while (!text.empty() && text.back() == '\n') text.pop_back();
        takeCode(text);
        bool isError = level >= rocksdb::InfoLogLevel::ERROR_LEVEL;
        host->functions.log(host->functions.context, isError, text.c_str());
    }

protected:
    rocksdb::Status CloseImpl() override { return rocksdb::Status::OK(); }

private:
    std::shared_ptr<Host> host;
};

class FlushListener : public rocksdb::EventListener {
public:
    explicit FlushListener(std::shared_ptr<Host> host) : host(std::move(host)) {}

    const char *Name() const override { return "FlushListener"; }

    // The memtables of the flush are picked and closed by now: what the host does here concerns
    // every entry in them.
    void OnFlushBegin(rocksdb::DB *, const rocksdb::FlushJobInfo &) override {
        host->functions.before_flush(host->functions.context);
    }

private:
    std::shared_ptr<Host> host;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> makeLogger(std::shared_ptr<Host> host) {
    return std::make_shared<HostLogger>(std::move(host));
}

std::shared_ptr<rocksdb::EventListener> makeListener(std::shared_ptr<Host> host) {
    return std::make_shared<FlushListener>(std::move(host));
}

}  // namespace bridge
