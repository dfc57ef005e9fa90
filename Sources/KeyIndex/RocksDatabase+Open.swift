import RocksDBBridge
import StorageIO

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

extension RocksDatabase {
    /// Opens the database; `Database.cpp` has its settings.
    static func open(
        _ path: String, _ fileSystem: any FileSystem, _ options: KeyIndex.Options,
        isReadOnly: Bool
    ) throws(StoreError) -> OpaquePointer {
        let settings = rocks_options(
            memtable_byte_count: options.memtableByteCount,
            bloom_bits_per_key: Int32(options.bloomBitsPerKey),
            max_open_files: Int32(options.maxOpenFiles), is_read_only: isReadOnly)
        let resources =
            if let shared = options.resources { shared } else { try KeyIndex.Resources() }
        let host = rocks_host.make(
            fileSystem, log: options.log, beforeFlush: options.beforeFlush)
        var database: OpaquePointer?
        let status = withExtendedLifetime(resources) {
            rocks_open(path, settings, resources.handle, host, &database)
        }
        try check(status, path)
        guard let database else {
            throw StoreError(.index, "\(path) cannot be opened by RocksDB")
        }
        return database
    }

    static func remove(at path: String, _ fileSystem: any FileSystem) throws(StoreError) {
        try check(rocks_remove(path, rocks_host.make(fileSystem, log: { _, _ in })), path)
    }

    /// Throws the error of a status.
    ///
    /// - Parameter path: the path of the index, if the status concerns one.
    @inline(__always)
    static func check(_ status: rocks_status, _ path: String?) throws(StoreError) {
        if status.code != ROCKS_OK { throw error(taking: status, path) }
    }

    /// Makes the error of a status, and frees the status' message.
    @inline(never)
    private static func error(taking status: rocks_status, _ path: String?) -> StoreError {
        defer { free(status.message) }
        let text = status.message.map { String(cString: $0) } ?? "no memory for a message"
        let code: StoreError.Code =
            switch status.code {
            // A missing file that other files refer to is damage as well.
            case ROCKS_CORRUPTION, ROCKS_MISSING_FILE: .corruption
            case ROCKS_IO, ROCKS_NO_THREADS: .io
            case ROCKS_NO_SPACE: .noSpace
            case ROCKS_NO_DESCRIPTORS: .noDescriptors
            case ROCKS_PERMISSION: .permissionDenied
            case ROCKS_IN_USE: .inUse
            case ROCKS_INCOMPATIBLE: .incompatibleFormat
            default: .index
            }
        guard let path else { return StoreError(code, text) }
        if code == .corruption { return damaged(path, text) }
        return StoreError(code, "the key index \(path): \(text)")
    }

    func damaged(_ what: String) -> StoreError { Self.damaged(path, what) }

    static func damaged(_ path: String, _ what: String) -> StoreError {
        StoreError(
            .corruption,
            "the key index \(path) is damaged: \(what). It is only a view: stop the database, "
                + "remove this folder, and it is rebuilt from the ledger")
    }
}
