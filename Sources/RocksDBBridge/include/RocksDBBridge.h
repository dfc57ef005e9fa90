#ifndef ROCKSDB_BRIDGE_H
#define ROCKSDB_BRIDGE_H

// What the key index asks of RocksDB, in C. The C interface that RocksDB ships has no error codes,
// and does not let a caller replace its file system, its threads or its log; the C++ interface
// does.
//
// No function here lets a C++ exception out. None ends the process when a call to the operating
// system fails.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: errors

typedef enum rocks_code {
    ROCKS_OK = 0,
    /// Bytes on disk fail their checksum or their structure.
    ROCKS_CORRUPTION,
    /// A call to the file system failed for a reason that has no code of its own.
    ROCKS_IO,
    ROCKS_NO_SPACE,
    ROCKS_NO_DESCRIPTORS,
    ROCKS_PERMISSION,
    /// Another holder has the lock on the database.
    ROCKS_IN_USE,
    /// A file to be read does not exist.
    ROCKS_MISSING_FILE,
    /// RocksDB does not know the format or an option of the files.
    ROCKS_INCOMPATIBLE,
    /// The system has no more threads to give.
    ROCKS_NO_THREADS,
    ROCKS_OTHER,
} rocks_code;

/// What a call came to. `message` is allocated with malloc and belongs to the receiver; it is NULL
/// when all went well.
typedef struct rocks_status {
    rocks_code code;
    char *message;
} rocks_status;

// MARK: what RocksDB calls

/// The file system, the log and the notification that a database uses. The functions are called
/// from any thread, and must not throw.
///
/// An open file is a pointer that `open` hands out and `close` takes back; writes come from one
/// thread at a time, at growing offsets.
typedef struct rocks_host {
    void *context;
    /// Called once, after the last call of all others.
    void (*release)(void *context);

    rocks_status (*open_to_read)(void *context, const char *path, void **file);
    /// Opens a new, empty file in place of any that has the name.
    rocks_status (*open_to_write)(void *context, const char *path, void **file);
    /// Opens an existing file to write to it.
    rocks_status (*open_to_change)(void *context, const char *path, void **file);
    /// Reads until the buffer is full or the file ends.
    rocks_status (*read)(void *file, uint64_t offset, void *buffer, size_t count, size_t *done);
    rocks_status (*write)(void *file, uint64_t offset, const void *bytes, size_t count);
    rocks_status (*sync)(void *file);
    rocks_status (*truncate)(void *file, uint64_t count);
    rocks_status (*size)(void *file, uint64_t *count);
    void (*close)(void *file);

    rocks_status (*exists)(void *context, const char *path, bool *result);
    /// Hands each name of the folder to `add`.
    rocks_status (*list)(
        void *context, const char *path, void *names, void (*add)(void *names, const char *name));
    rocks_status (*create_folder)(void *context, const char *path);
    rocks_status (*remove)(void *context, const char *path);
    rocks_status (*rename)(void *context, const char *path, const char *new_path);
    rocks_status (*sync_folder)(void *context, const char *path);
    rocks_status (*lock)(void *context, const char *path, void **lock);
    void (*unlock)(void *lock);

    /// Takes a line of RocksDB's log; only warnings and errors come.
    void (*log)(void *context, bool is_error, const char *line);
    /// Called before the entries of a memtable are written to a file.
    void (*before_flush)(void *context);
} rocks_host;

// MARK: databases

typedef struct rocks_resource_options {
    /// Of blocks that were read.
    size_t cache_byte_count;
    /// Of the memtables of all databases together; 0 for no common limit.
    size_t memtables_byte_count;
    int32_t merging_threads;
    int32_t flushing_threads;
} rocks_resource_options;

/// Memory and threads of one or more databases.
typedef struct rocks_resources rocks_resources;

/// Starts the threads.
rocks_status rocks_resources_create(rocks_resource_options options, rocks_resources **resources);

/// Gives the caller's part back. Databases that are open keep what they use; the last one frees it, and
/// waits for the threads to end.
void rocks_resources_release(rocks_resources *resources);

typedef struct rocks_options {
    size_t memtable_byte_count;
    int32_t bloom_bits_per_key;
    int32_t max_open_files;
    /// Whether the files stay as they are. The database must exist, and takes no writes.
    bool is_read_only;
} rocks_options;

typedef struct rocks_database rocks_database;

/// Opens the database in the folder `path`, or creates it.
///
/// Takes over the host, also when it fails.
rocks_status rocks_open(
    const char *path, rocks_options options, rocks_resources *resources, rocks_host host,
    rocks_database **database);

/// Closes the database, which frees it. No cursor may be left, and no value. What is only in memory
/// is lost, unless it was flushed.
void rocks_close(rocks_database *database);

/// Removes the files of a database that is not open. Takes over the host.
rocks_status rocks_remove(const char *path, rocks_host host);

/// Writes what is in memory to disk.
///
/// - Parameter wait: until it is durable; otherwise the work is only begun.
rocks_status rocks_flush(rocks_database *database, bool wait);

/// Reads all files that hold records and compares each block with its checksum.
rocks_status rocks_verify_checksums(rocks_database *database);

/// The bytes of the files that hold records; 0 when it is unknown.
uint64_t rocks_file_byte_count(rocks_database *database);

typedef struct rocks_memory {
    /// Records that are not in a file.
    uint64_t memtables;
    /// What is kept of open files: their indexes and filters.
    uint64_t tables;
    /// Blocks that were read; of all databases with the same resources.
    uint64_t block_cache;
} rocks_memory;

/// What the database takes in memory, by part; 0 where it is unknown. Reads no file.
rocks_memory rocks_memory_use(rocks_database *database);

// MARK: reading

/// A value that RocksDB holds in memory until it is released.
typedef struct rocks_value rocks_value;

/// Looks one key up. `*value` is NULL if it has none.
rocks_status rocks_get(
    rocks_database *database, const void *key, size_t count, rocks_value **value,
    const void **bytes, size_t *byte_count);
void rocks_value_release(rocks_value *value);

/// Room for looking up many keys at once; kept from one use to the next.
typedef struct rocks_lookup rocks_lookup;

/// - Parameter capacity: the most keys of one lookup.
/// - Returns: NULL when there is no memory.
rocks_lookup *rocks_lookup_create(size_t capacity);
void rocks_lookup_destroy(rocks_lookup *lookup);

/// Looks up `count` keys, which lie one after the other in `keys`, in byte order, each up to its
/// end in `ends`. Either all were looked up, or the error of one of them is returned.
rocks_status rocks_lookup_find(
    rocks_lookup *lookup, rocks_database *database, const void *keys, const size_t *ends,
    size_t count);

/// The value of key number `number`, valid until the lookup is cleared; NULL if it has none.
const void *rocks_lookup_value(const rocks_lookup *lookup, size_t number, size_t *byte_count);

/// Gives back the values. To be called before the database is closed.
void rocks_lookup_clear(rocks_lookup *lookup);

/// A walk over all records in byte order, on their state at its creation.
typedef struct rocks_cursor rocks_cursor;

/// - Parameter keeps_blocks: whether blocks that are read stay in the cache.
rocks_status rocks_cursor_create(
    rocks_database *database, bool keeps_blocks, rocks_cursor **cursor);
void rocks_cursor_destroy(rocks_cursor *cursor);
/// Goes to the first record from `key` on.
void rocks_cursor_seek(rocks_cursor *cursor, const void *key, size_t count);
/// Goes to the last record up to `key`.
void rocks_cursor_seek_back(rocks_cursor *cursor, const void *key, size_t count);
void rocks_cursor_next(rocks_cursor *cursor);
void rocks_cursor_previous(rocks_cursor *cursor);

/// - Returns: whether the cursor is at a record, whose key and value are valid until it moves.
bool rocks_cursor_current(
    const rocks_cursor *cursor, const void **key, size_t *key_count, const void **value,
    size_t *value_count);
/// What kept a cursor that is at no record from going on.
rocks_status rocks_cursor_error(const rocks_cursor *cursor);

// MARK: writing

/// Records to be written at once. Without memory for one, it is remembered, and writing fails.
typedef struct rocks_batch rocks_batch;

/// - Returns: NULL when there is no memory.
rocks_batch *rocks_batch_create(void);
void rocks_batch_destroy(rocks_batch *batch);
void rocks_batch_clear(rocks_batch *batch);
void rocks_batch_put(
    rocks_batch *batch, const void *key, size_t key_count, const void *value, size_t value_count);

/// Writes all records of the batch, or none: into memory, without a log.
rocks_status rocks_write(rocks_database *database, rocks_batch *batch);

#ifdef __cplusplus
}
#endif

#endif
