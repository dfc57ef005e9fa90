import StorageIO
import Synchronization

/// The real file system, with a hook that is called before each read, write and synchronization of
/// a file, and before each removal. What the hook throws, the call throws.
final class WatchedFileSystem: FileSystem {
    enum Kind { case read, write, synchronize, remove }

    typealias Hook = @Sendable (_ kind: Kind, _ path: String) throws(StoreError) -> Void

    private let hook = Mutex<Hook?>(nil)
    private let base = POSIXFileSystem()

    /// Calls `hook` from now on, on the threads that call the file system.
    func watch(_ hook: Hook?) {
        self.hook.withLock { $0 = hook }
    }

    fileprivate func note(_ kind: Kind, _ path: String) throws(StoreError) {
        // Not under the lock: the hook may call the database.
        try hook.withLock({ $0 })?(kind, path)
    }

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        WatchedFile(try base.open(path, mode), self)
    }
    func names(inDirectory path: String) throws(StoreError) -> [String] {
        try base.names(inDirectory: path)
    }
    func createDirectory(_ path: String) throws(StoreError) { try base.createDirectory(path) }
    func exists(_ path: String) throws(StoreError) -> Bool { try base.exists(path) }
    func removeFile(_ path: String) throws(StoreError) {
        try note(.remove, path)
        try base.removeFile(path)
    }
    func rename(_ path: String, to newPath: String) throws(StoreError) {
        try base.rename(path, to: newPath)
    }
    func synchronizeDirectory(_ path: String) throws(StoreError) {
        try base.synchronizeDirectory(path)
    }
    func freeSpace(at path: String) throws(StoreError) -> FreeSpace {
        try base.freeSpace(at: path)
    }
    func lock(_ path: String) throws(StoreError) -> any FileLock { try base.lock(path) }
}

private final class WatchedFile: StorageFile {
    private let base: any StorageFile
    private let owner: WatchedFileSystem

    init(_ base: any StorageFile, _ owner: WatchedFileSystem) {
        self.base = base
        self.owner = owner
    }

    var path: String { base.path }
    func wasRenamed(to newPath: String) { base.wasRenamed(to: newPath) }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StoreError) -> Int {
        try owner.note(.read, path)
        return try base.read(into: buffer, at: offset)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        try owner.note(.write, path)
        try base.write(bytes, at: offset)
    }
    func synchronizeData() throws(StoreError) {
        try owner.note(.synchronize, path)
        try base.synchronizeData()
    }
    func synchronize() throws(StoreError) {
        try owner.note(.synchronize, path)
        try base.synchronize()
    }
    func allocate(byteCount: UInt64) throws(StoreError) { try base.allocate(byteCount: byteCount) }
    func byteCount() throws(StoreError) -> UInt64 { try base.byteCount() }
    func truncate(to byteCount: UInt64) throws(StoreError) { try base.truncate(to: byteCount) }
}
