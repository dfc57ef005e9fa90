@_exported public import struct ImmudbModel.StoreError

/// All that the database asks of a file system.
///
/// The ledger and the tree files reach the disk through this protocol only, so that a test can put
/// a simulated disk in place of ``POSIXFileSystem``: one that crashes, tears writes or runs out of
/// space at any call. Every method blocks; none may be called on an event loop or on Swift's
/// cooperative pool.
public protocol FileSystem: Sendable {
    /// Opens a file for positioned reads and writes.
    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile

    /// The names in a directory, in no particular order, without `.` and `..`.
    func names(inDirectory path: String) throws(StoreError) -> [String]

    /// Creates a directory and those above it that are missing, and makes their names durable. One that
    /// exists is no error.
    func createDirectory(_ path: String) throws(StoreError)

    func exists(_ path: String) throws(StoreError) -> Bool

    /// Removes one file; a missing one is no error.
    func removeFile(_ path: String) throws(StoreError)

    /// Gives a file another name in the same file system, atomically. An existing target is
    /// replaced.
    func rename(_ path: String, to newPath: String) throws(StoreError)

    /// Makes the names in a directory durable: a created, renamed or removed file is so only after
    /// this.
    func synchronizeDirectory(_ path: String) throws(StoreError)

    /// What can still be written to the file system of a folder.
    func freeSpace(at path: String) throws(StoreError) -> FreeSpace

    /// Takes the exclusive lock that `path` stands for, for as long as the returned object lives.
    /// - Throws: `inUse` when another holder, in this process or another, has it.
    func lock(_ path: String) throws(StoreError) -> any FileLock
}

/// What a file system has left.
public struct FreeSpace: Hashable, Sendable {
    public var byteCount: UInt64
    /// The number of files that can be created (free inodes); nil where there is no such limit.
    public var fileCount: UInt64?

    public init(byteCount: UInt64, fileCount: UInt64? = nil) {
        self.byteCount = byteCount
        self.fileCount = fileCount
    }
}

public enum OpenMode: Sendable {
    case readOnly
    /// An existing file, to read and write.
    case readWrite
    /// A new file; one that exists already is an error.
    case createNew
}

/// A file with positioned reads and writes; safe to use from many threads. Closed when the last
/// reference to it is gone.
public protocol StorageFile: AnyObject, Sendable {
    /// The file's name, for messages.
    var path: String { get }

    /// Notes the new name of a file that was renamed while it is open.
    func noteNewPath(_ newPath: String)

    /// Reads at `offset` until the buffer is full or the file ends.
    /// - Returns: the number of bytes read; less than the buffer's only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StoreError)
        -> Int

    /// Writes all bytes at `offset`. They are durable only after a synchronize.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError)

    /// Makes written bytes durable (fdatasync). After a failure what the disk holds is unknown, and
    /// a second call proves nothing: the caller stops writing.
    func synchronizeData() throws(StoreError)

    /// As ``synchronizeData()``, and the file's attributes (fsync).
    func synchronize() throws(StoreError)

    /// Reserves disk space for the first `byteCount` bytes; the file is at least that long after
    /// it, and what was never written reads as zeros.
    func allocate(byteCount: UInt64) throws(StoreError)

    func byteCount() throws(StoreError) -> UInt64

    func truncate(to byteCount: UInt64) throws(StoreError)
}

/// Holds a lock until it is deallocated.
public protocol FileLock: AnyObject, Sendable {}

extension StorageFile {
    /// Reads exactly as many bytes as the buffer holds.
    /// - Throws: `corruption` when the file ends before.
    public func readExactly(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StoreError) {
        let count = try read(into: buffer, at: offset)
        guard count == buffer.count else {
            throw StoreError(
                .corruption,
                "\(path): the file ends at byte \(offset + UInt64(count)), inside of what should be "
                    + "\(buffer.count) bytes at \(offset)")
        }
    }

    /// The bytes at `offset`, fewer than asked only at the end of the file.
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
