#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <vector>

#include "Database.h"
#include "Status.h"

// Reading and writing records.

using bridge::guarded;
using bridge::makeStatus;
using rocksdb::Slice;

namespace {

Slice slice(const void *bytes, size_t count) {
    return Slice(static_cast<const char *>(bytes), count);
}

}  // namespace

// MARK: one value

struct rocks_value {
    rocksdb::PinnableSlice bytes;
};

rocks_status rocks_get(
    rocks_database *database, const void *key, size_t count, rocks_value **value,
    const void **bytes, size_t *byteCount) {
    *value = nullptr;
    return guarded([&]() -> rocks_status {
        auto found = std::make_unique<rocks_value>();
        rocksdb::DB *db = database->database.get();
        rocksdb::Status status = db->Get(
            database->readOptions, db->DefaultColumnFamily(), slice(key, count), &found->bytes);
        if (status.IsNotFound()) return {ROCKS_OK, nullptr};
        if (!status.ok()) return makeStatus(status);
        *bytes = found->bytes.data();
        *byteCount = found->bytes.size();
        *value = found.release();
        return {ROCKS_OK, nullptr};
    });
}

void rocks_value_release(rocks_value *value) { delete value; }

// MARK: many values

struct rocks_lookup {
    explicit rocks_lookup(size_t capacity) : keys(capacity), values(capacity), states(capacity) {}

    std::vector<Slice> keys;
    std::vector<rocksdb::PinnableSlice> values;
    std::vector<rocksdb::Status> states;
    size_t count = 0;
};

rocks_lookup *rocks_lookup_create(size_t capacity) {
    rocks_lookup *lookup = nullptr;
    rocks_status status = guarded([&]() -> rocks_status {
        lookup = new rocks_lookup(capacity);
        return {ROCKS_OK, nullptr};
    });
    std::free(status.message);
    return lookup;
}

void rocks_lookup_destroy(rocks_lookup *lookup) { delete lookup; }

rocks_status rocks_lookup_find(
    rocks_lookup *lookup, rocks_database *database, const void *keys, const size_t *ends,
    size_t count) {
    rocks_lookup_clear(lookup);
    return guarded([&]() -> rocks_status {
        if (count > lookup->keys.size()) return makeStatus(ROCKS_OTHER, "too many keys");
        size_t start = 0;
        for (size_t number = 0; number < count; number++) {
            lookup->keys[number] =
                slice(static_cast<const char *>(keys) + start, ends[number] - start);
            start = ends[number];
        }
        lookup->count = count;
        rocksdb::DB *db = database->database.get();
        db->MultiGet(
            database->readOptions, db->DefaultColumnFamily(), count, lookup->keys.data(),
            lookup->values.data(), lookup->states.data(), true);
        for (size_t number = 0; number < count; number++) {
            const rocksdb::Status &state = lookup->states[number];
            if (!state.ok() && !state.IsNotFound()) return makeStatus(state);
        }
        return {ROCKS_OK, nullptr};
    });
}

const void *rocks_lookup_value(const rocks_lookup *lookup, size_t number, size_t *byteCount) {
    if (number >= lookup->count || !lookup->states[number].ok()) return nullptr;
    *byteCount = lookup->values[number].size();
    return lookup->values[number].data();
}

void rocks_lookup_clear(rocks_lookup *lookup) {
    for (size_t number = 0; number < lookup->count; number++) lookup->values[number].Reset();
    lookup->count = 0;
}

// MARK: cursors

struct rocks_cursor {
    std::unique_ptr<rocksdb::Iterator> iterator;
    /// Whether a move ended with an exception.
    bool isOutOfMemory = false;

    template <typename Move>
    void move(Move body) noexcept {
        try {
            body();
        } catch (...) {
            isOutOfMemory = true;
        }
    }
};

rocks_status rocks_cursor_create(
    rocks_database *database, bool keepsBlocks, rocks_cursor **cursor) {
    *cursor = nullptr;
    return guarded([&]() -> rocks_status {
        auto created = std::make_unique<rocks_cursor>();
        created->iterator.reset(database->database->NewIterator(
            keepsBlocks ? database->readOptions : database->passingReadOptions));
        *cursor = created.release();
        return {ROCKS_OK, nullptr};
    });
}

void rocks_cursor_destroy(rocks_cursor *cursor) { delete cursor; }

void rocks_cursor_seek(rocks_cursor *cursor, const void *key, size_t count) {
    cursor->move([&] { cursor->iterator->Seek(slice(key, count)); });
}

void rocks_cursor_seek_back(rocks_cursor *cursor, const void *key, size_t count) {
    cursor->move([&] { cursor->iterator->SeekForPrev(slice(key, count)); });
}

void rocks_cursor_next(rocks_cursor *cursor) {
    cursor->move([&] { cursor->iterator->Next(); });
}

void rocks_cursor_previous(rocks_cursor *cursor) {
    cursor->move([&] { cursor->iterator->Prev(); });
}

bool rocks_cursor_current(
    const rocks_cursor *cursor, const void **key, size_t *keyCount, const void **value,
    size_t *valueCount) {
    if (cursor->isOutOfMemory || !cursor->iterator->Valid()) return false;
    Slice foundKey = cursor->iterator->key();
    Slice foundValue = cursor->iterator->value();
    *key = foundKey.data();
    *keyCount = foundKey.size();
    *value = foundValue.data();
    *valueCount = foundValue.size();
    return true;
}

rocks_status rocks_cursor_error(const rocks_cursor *cursor) {
    if (cursor->isOutOfMemory) return makeStatus(ROCKS_OTHER, "no memory to go on");
    return guarded([&]() -> rocks_status { return makeStatus(cursor->iterator->status()); });
}

// MARK: batches

struct rocks_batch {
    rocksdb::WriteBatch records;
    rocksdb::Status failure;
    bool isOutOfMemory = false;
};

rocks_batch *rocks_batch_create(void) {
    rocks_batch *batch = nullptr;
    rocks_status status = guarded([&]() -> rocks_status {
        batch = new rocks_batch;
        return {ROCKS_OK, nullptr};
    });
    std::free(status.message);
    return batch;
}

void rocks_batch_destroy(rocks_batch *batch) { delete batch; }

void rocks_batch_clear(rocks_batch *batch) {
    batch->records.Clear();
    batch->failure = rocksdb::Status::OK();
    batch->isOutOfMemory = false;
}

void rocks_batch_put(
    rocks_batch *batch, const void *key, size_t keyCount, const void *value, size_t valueCount) {
    try {
        rocksdb::Status status =
            batch->records.Put(slice(key, keyCount), slice(value, valueCount));
        if (!status.ok()) batch->failure = status;
    } catch (...) {
        batch->isOutOfMemory = true;
    }
}

rocks_status rocks_write(rocks_database *database, rocks_batch *batch) {
    return guarded([&]() -> rocks_status {
        if (batch->isOutOfMemory) return makeStatus(ROCKS_OTHER, "no memory for the records");
        if (!batch->failure.ok()) return makeStatus(batch->failure);
        return makeStatus(database->database->Write(database->writeOptions, &batch->records));
    });
}
