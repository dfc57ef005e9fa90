@_exported public import struct ImmudbModel.StoreError

/// The file system operations that the database needs.
///
/// The ledger and the tree files reach the disk only through this protocol, so that a test can replace
/// ``POSIXFileSystem`` by a simulated disk that crashes, tears writes or runs out of space at any operation. Every
/// method blocks; none may be called on an event loop or on Swift's cooperative pool.
public protocol FileSystem: Sendable {
    /// Opens a file for positioned reads and writes.
    ///
    /// - Throws: `corruption` if something else than a file has the name, such as a pipe or a folder; the operating
    ///   system's errors.
    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile

    /// Opens a file for reading and writing that this user has left, and makes it private: no link, no device, and nobody
    /// else's file.
    func openOwn(_ path: String) throws(StoreError) -> any StorageFile

    /// Returns the names in a directory, in no particular order, without `.` and `..`.
    func names(inDirectory path: String) throws(StoreError) -> [String]

    /// Creates a directory and its missing parents, and makes their names durable. Does nothing more if it exists.
    func createDirectory(_ path: String) throws(StoreError)

    func exists(_ path: String) throws(StoreError) -> Bool

    /// Removes one file; does nothing if it does not exist.
    func removeFile(_ path: String) throws(StoreError)

    /// Renames a file within its file system, atomically. An existing target is replaced.
    func rename(_ path: String, to newPath: String) throws(StoreError)

    /// Makes the names in a directory durable: creating, renaming or removing a file is durable only after this.
    func synchronizeDirectory(_ path: String) throws(StoreError)

    /// Returns how much can still be written to the file system of a folder.
    func freeSpace(at path: String) throws(StoreError) -> FreeSpace

    /// Takes an exclusive lock on `path`, which lasts as long as the returned object.
    /// - Throws: `inUse` if this process or another one already holds it.
    func lock(_ path: String) throws(StoreError) -> any FileLock

    /// Takes the same lock in a folder that other users may write to as well.
    ///
    /// - Throws: also `permissionDenied` for a file of another user, and for anything that is no lock: nothing is written
    ///   to it.
    func lockOwn(_ path: String) throws(StoreError) -> any FileLock

    /// Takes the same lock where nothing can be written, if its file exists.
    ///
    /// - Returns: nil if there is no file to lock, so that nobody is kept out.
    /// - Throws: `inUse` as ``lock(_:)``.
    func lockReadOnly(_ path: String) throws(StoreError) -> (any FileLock)?
}

extension FileSystem {
    /// Locks nothing: a file system for which ``lock(_:)`` is never refused needs no other lock.
    public func lockReadOnly(_ path: String) throws(StoreError) -> (any FileLock)? { nil }

    /// Opens the file: a file system without links and users has no others.
    public func openOwn(_ path: String) throws(StoreError) -> any StorageFile {
        try open(path, .readWrite)
    }

    /// Takes the lock: a file system without links and users has no others.
    public func lockOwn(_ path: String) throws(StoreError) -> any FileLock { try lock(path) }
}

/// The space that a file system has left.
public struct FreeSpace: Hashable, Sendable {
    public var byteCount: UInt64
    /// The number of files that can be created (free inodes); nil if there is no such limit.
    public var fileCount: UInt64?

    public init(byteCount: UInt64, fileCount: UInt64? = nil) {
        self.byteCount = byteCount
        self.fileCount = fileCount
    }
}

public enum OpenMode: Sendable {
    case readOnly
    /// Opens an existing file for reading and writing.
    case readWrite
    /// Creates a new file; fails if it exists.
    case createNew
}

/// A file with positioned reads and writes; safe to use from many threads. Closed when the last reference to it is
/// released.
public protocol StorageFile: AnyObject, Sendable {
    /// The file's name, for messages.
    var path: String { get }

    /// Notes the new name of a file that was renamed while it is open.
    func noteNewPath(_ newPath: String)

    /// Reads at `offset` until the buffer is full or the file ends.
    /// - Returns: the number of bytes read; less than the buffer's size only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StoreError)
        -> Int

    /// Tells the system that a range is read soon, so that the disk fetches it meanwhile. Returns at once, and never fails.
    func willRead(byteCount: Int, at offset: UInt64)

    /// Writes all bytes at `offset`. They are durable only after a synchronize.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError)

    /// Makes written bytes durable (fdatasync). After a failure the content of the disk is unknown, and a second
    /// fdatasync would not prove anything: the caller must stop writing.
    func synchronizeData() throws(StoreError)

    /// Does the same as ``synchronizeData()`` and makes the file's attributes durable (fsync).
    func synchronize() throws(StoreError)

    /// Reserves disk space for the first `byteCount` bytes. Afterwards the file is at least that long, and bytes that
    /// were never written read as zeros.
    func allocate(byteCount: UInt64) throws(StoreError)

    func byteCount() throws(StoreError) -> UInt64

    func truncate(to byteCount: UInt64) throws(StoreError)
}

/// Holds a lock until it is deallocated.
public protocol FileLock: AnyObject, Sendable {}

extension StorageFile {
    /// Does nothing: a file that is in memory has nothing to fetch.
    public func willRead(byteCount: Int, at offset: UInt64) {}

    /// Fills the buffer.
    /// - Throws: `corruption` if the file ends before that.
    public func readExactly(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StoreError) {
        let count = try read(into: buffer, at: offset)
        guard count == buffer.count else {
            throw StoreError(
                .corruption,
                "\(path): the file ends at byte \(offset + UInt64(count)), within a record of "
                    + "\(buffer.count) bytes at byte \(offset)")
        }
    }

    /// Returns the bytes at `offset`; fewer than `byteCount` only at the end of the file.
    public func read(byteCount: Int, at offset: UInt64) throws(StoreError) -> [UInt8] {
        var failure: StoreError?
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            do throws(StoreError) {
                initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
                initialized = 0
            }
        }
        if let failure { throw failure }
        return bytes
    }

    public func write(_ bytes: [UInt8], at offset: UInt64) throws(StoreError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(StoreError) in try write(buffer, at: offset) }
        }
        try result.get()
    }
}
