import ImmudbModel
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file descriptor that is closed with its last reference.
final class POSIXFile: StorageFile {
    private let name: Mutex<String>
    private let descriptor: Int32

    var path: String { name.withLock { $0 } }

    init(path: String, descriptor: Int32) {
        name = Mutex(path)
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    func noteNewPath(_ newPath: String) { name.withLock { $0 = newPath } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StoreError)
        -> Int
    {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done,
                off_t(truncatingIfNeeded: offset) + off_t(done))
            if count > 0 {
                done += count
            } else if count == 0 {
                break
            } else if errno != EINTR {
                throw StoreError.system("cannot read at byte \(offset) of", path, errno)
            }
        }
        return done
    }

    func willRead(byteCount: Int, at offset: UInt64) {
        // Advice: a failure costs time only.
        #if canImport(Darwin)
            var advice = radvisory(
                ra_offset: off_t(offset), ra_count: Int32(clamping: byteCount))
            _ = fcntl(descriptor, F_RDADVISE, &advice)
        #else
            posix_fadvise(descriptor, off_t(offset), off_t(byteCount), POSIX_FADV_WILLNEED)
        #endif
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress! + done, bytes.count - done,
                off_t(truncatingIfNeeded: offset) + off_t(done))
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                throw StoreError.system(
                    "cannot write at byte \(offset) of", path, count == 0 ? ENOSPC : errno)
            }
        }
    }

    func synchronizeData() throws(StoreError) {
        #if canImport(Darwin)
            // Darwin's fsync leaves the bytes in the drive's cache.
            if fcntl(descriptor, F_FULLFSYNC) == 0 { return }
            // Only for file systems that do not support F_FULLFSYNC. After another failure, fsync would prove less.
            guard errno == ENOTSUP || errno == EINVAL, fsync(descriptor) == 0 else {
                throw StoreError.system("cannot sync", path, errno)
            }
        #else
            // Not repeated after a failure: by then the kernel has marked the pages clean.
            if fdatasync(descriptor) != 0 { throw StoreError.system("cannot sync", path, errno) }
        #endif
    }

    func synchronize() throws(StoreError) {
        #if canImport(Darwin)
            try synchronizeData()
        #else
            if fsync(descriptor) != 0 { throw StoreError.system("cannot sync", path, errno) }
        #endif
    }

    func allocate(byteCount: UInt64) throws(StoreError) {
        #if canImport(Darwin)
            let code = ftruncate(descriptor, off_t(byteCount)) == 0 ? 0 : errno
        #else
            var code: Int32 = 0
            repeat {
                code = posix_fallocate(descriptor, 0, off_t(byteCount))
            } while code == EINTR
        #endif
        if code != 0 {
            throw StoreError.system("cannot reserve \(byteCount) bytes for", path, code)
        }
    }

    func byteCount() throws(StoreError) -> UInt64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw StoreError.system("cannot look at", path, errno)
        }
        return UInt64(status.st_size)
    }

    func truncate(to byteCount: UInt64) throws(StoreError) {
        while ftruncate(descriptor, off_t(byteCount)) != 0 {
            if errno != EINTR { throw StoreError.system("cannot cut", path, errno) }
        }
    }
}

extension UnsafeMutableRawPointer {
    /// Allocates memory that reads as zeros; free it with ``releaseZeroed()``.
    public static func zeroed(byteCount: Int) -> UnsafeMutableRawPointer {
        guard let memory = calloc(1, byteCount) else { preconditionFailure("out of memory") }
        return memory
    }

    public func releaseZeroed() {
        free(self)
    }
}
