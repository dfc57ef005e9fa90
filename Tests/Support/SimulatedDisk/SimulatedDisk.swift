public import StorageIO
import Synchronization
import TestTools

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A disk in memory that can lose power, tear writes, fail any call and fill up. Its behaviour
/// depends only on the seed.
///
/// It keeps two images of every file and of every directory. Running code sees the live one. The
/// durable one survives a power failure:
///
/// - A file's bytes and length become durable by ``StorageFile/synchronizeData()`` or
///   ``StorageFile/synchronize()`` of that file.
/// - A name, created, renamed or removed, becomes durable by
///   ``FileSystem/synchronizeDirectory(_:)`` of its directory, and only so. A rename is atomic.
/// - After a failed sync the bytes count as written although they are not: a later successful sync
///   does not make them durable.
///
/// ``crashed(_:)`` and ``killed()`` return the disk that the next process finds. This disk stays
/// unchanged, so that one state can crash in many ways. ``CrashPolicy`` selects what survives.
///
/// Not simulated: permissions, hard and symbolic links, removal of directories, times, memory
/// mapping, a disk that loses bytes after a successful sync (use ``flip(_:byte:bit:)``), a cache
/// that writes dirty pages back by itself while the process runs (a crash samples that), and the
/// page granularity of the cache: after a failed sync, only the very bytes that are written again
/// can become durable.
///
/// Cost: a call takes a lock and touches the bytes that it names; reserved space takes no memory.
public final class SimulatedDisk: FileSystem, CustomStringConvertible {
    public struct Options: Sendable {
        /// The number of newest calls that ``calls`` and ``description`` hold.
        public var traceCapacity = 32
        /// Whether reads after a failed sync return the durable bytes, as on XFS. Otherwise they
        /// return the written bytes, as on ext4.
        public var dropsCacheAfterFailedSync = false

        public init() {}
    }

    let state: Mutex<DiskState>

    /// Makes an empty disk.
    ///
    /// - Parameter seed: determines the effects of failing calls, and the order of names.
    public init(seed: UInt64 = 0, limits: DiskLimits = DiskLimits(), options: Options = Options()) {
        state = Mutex(DiskState(seed: seed, limits: limits, options: options))
    }

    init(_ state: sending DiskState) {
        self.state = Mutex(state)
    }

    // MARK: FileSystem

    public func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        let kind = mode == .createNew ? CallKind.createNew : .open
        let inode = try state.withLock { (state) throws(StoreError) in
            let error = try state.begin(kind, path)
            return try state.naming("cannot open", path) { state throws(SystemError) in
                if let error { try state.failOpen(path, mode, error) }
                return try state.open(path, mode)
            }
        }
        return SimulatedFile(path: path, inode: inode, isWritable: mode != .readOnly, disk: self)
    }

    public func names(inDirectory path: String) throws(StoreError) -> [String] {
        try state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.names, path)
            return try state.naming("cannot list the folder", path) { state throws(SystemError) in
                if let error { throw SystemError(number: error) }
                try state.checkFreeDescriptor()
                let directory = try state.names.directory(path)
                let names = state.names.directories[directory]?.live.keys.sorted() ?? []
                return names.shuffled(using: &state.random)
            }
        }
    }

    /// Creates what is missing, and makes each name durable, as `POSIXFileSystem` does, with two
    /// calls of the disk for each level.
    public func createDirectory(_ path: String) throws(StoreError) {
        let parent = NameTree.split(path).parent
        var isMade = try makeDirectory(path)
        if !isMade {
            try createDirectory(parent)
            isMade = try makeDirectory(path)
        }
        guard isMade else { throw StoreError.system("cannot create the folder", path, ENOENT) }
        var folder = path
        while !folder.isEmpty, folder != "/" {
            folder = NameTree.split(folder).parent
            if !folder.isEmpty { try synchronizeDirectory(folder) }
        }
    }

    /// - Returns: false if the directory above does not exist.
    private func makeDirectory(_ path: String) throws(StoreError) -> Bool {
        try state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.createDirectory, path)
            if let error, error != EIO || state.random.chance(1, of: 2) {
                throw state.failure("cannot create the folder", path, error)
            }
            let isDirectory: Bool
            do throws(SystemError) {
                isDirectory = try state.makeDirectory(path)
            } catch {
                if error.number == ENOENT { return false }
                throw state.failure("cannot create the folder", path, error.number)
            }
            guard isDirectory else { throw StoreError(.io, "\(path) exists and is not a folder") }
            if let error { throw state.failure("cannot create the folder", path, error) }
            return true
        }
    }

    public func exists(_ path: String) throws(StoreError) -> Bool {
        try state.withLock { (state) throws(StoreError) in
            if let error = try state.begin(.exists, path) {
                throw state.failure("cannot look at", path, error)
            }
            // A missing directory above is not an error either.
            return ((try? state.names.node(path)) ?? nil) != nil
        }
    }

    public func removeFile(_ path: String) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.removeFile, path)
            try state.naming("cannot remove", path) { state throws(SystemError) in
                if let error, error != EIO || state.random.chance(1, of: 2) {
                    throw SystemError(number: error)
                }
                try state.removeFile(path)
                if let error { throw SystemError(number: error) }
            }
        }
    }

    public func rename(_ path: String, to newPath: String) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.rename, path, newPath: newPath)
            try state.naming("cannot rename to \(newPath)", path) { state throws(SystemError) in
                if let error, error != EIO || state.random.chance(1, of: 2) {
                    throw SystemError(number: error)
                }
                try state.rename(path, to: newPath)
                if let error { throw SystemError(number: error) }
            }
        }
    }

    public func synchronizeDirectory(_ path: String) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.synchronizeDirectory, path)
            let what = error == nil || error == EIO || error == ENOSPC ? "sync the folder" : "open"
            try state.naming("cannot \(what)", path) { state throws(SystemError) in
                // A failing sync may have written a part of the journal. The rest stays pending.
                if let error, error != EIO || state.random.chance(1, of: 2) {
                    throw SystemError(number: error)
                }
                try state.checkFreeDescriptor()
                state.names.synchronize(try state.names.directory(path))
                state.forgetUnreachable()
                if let error { throw SystemError(number: error) }
            }
        }
    }

    public func freeSpace(at path: String) throws(StoreError) -> FreeSpace {
        try state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.freeSpace, path)
            return try state.naming("cannot read the free space of", path) {
                state throws(SystemError) in
                if let error { throw SystemError(number: error) }
                guard try state.names.node(path) != nil else { throw SystemError(number: ENOENT) }
                let pageCount = min(state.freePageCount, 1 << 40)
                return FreeSpace(
                    byteCount: UInt64(pageCount * PagedBytes.pageByteCount),
                    fileCount: state.freeFileCount.map { UInt64($0) })
            }
        }
    }

    /// Takes the lock. Creates its file, which stays empty.
    public func lock(_ path: String) throws(StoreError) -> any FileLock {
        let inode = try state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.lock, path)
            let inode = try state.naming("cannot open", path) { state throws(SystemError) in
                if let error { throw SystemError(number: error) }
                let isThere = try state.names.node(path) != nil
                return try state.open(path, isThere ? .readWrite : .createNew)
            }
            guard state.lock(inode) else {
                state.close(inode)
                throw StoreError(
                    .inUse, "\(path) is locked: the folder is in use by another holder")
            }
            return inode
        }
        return SimulatedLock(inode: inode, disk: self)
    }
}
