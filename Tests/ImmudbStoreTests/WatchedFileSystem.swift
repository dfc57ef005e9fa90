import SimulatedDisk
import StorageIO
import Synchronization

/// The real file system, with a hook that is called before each read, write and synchronization of
/// a file, and before each removal. If the hook throws, the call throws the same error.
final class WatchedFileSystem: ForwardingFileSystem {
    enum Kind { case read, write, synchronize, remove }

    typealias Hook = @Sendable (_ kind: Kind, _ path: String) throws(StoreError) -> Void

    private let hook = Mutex<Hook?>(nil)
    let base = POSIXFileSystem()

    /// Calls `hook` from now on, on the threads that call the file system.
    func watch(_ hook: Hook?) {
        self.hook.withLock { $0 = hook }
    }

    fileprivate func note(_ kind: Kind, _ path: String) throws(StoreError) {
        // Outside of the lock: the hook may call the database.
        try hook.withLock({ $0 })?(kind, path)
    }

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        WatchedFile(try base.open(path, mode), self)
    }
    func removeFile(_ path: String) throws(StoreError) {
        try note(.remove, path)
        try base.removeFile(path)
    }
}

private final class WatchedFile: ForwardingFile {
    let base: any StorageFile
    private let owner: WatchedFileSystem

    init(_ base: any StorageFile, _ owner: WatchedFileSystem) {
        self.base = base
        self.owner = owner
    }

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
}
