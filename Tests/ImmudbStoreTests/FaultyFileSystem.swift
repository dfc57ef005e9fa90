import StorageIO
import Synchronization

/// The real file system, but for the calls that are told to fail.
final class FaultyFileSystem: FileSystem {
    struct Faults: Sendable {
        var synchronizeData: StoreError?
        var write: StoreError?
        var allocate: StoreError?
        /// What the file system says that it has left.
        var freeByteCount: UInt64?
        var freeFileCount: UInt64?
        /// Calls of `synchronizeData` on segments so far.
        var synchronizeDataCount = 0
    }

    let faults = Mutex(Faults())
    private let base = POSIXFileSystem()

    var synchronizeDataCount: Int { faults.withLock { $0.synchronizeDataCount } }

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        let file = try base.open(path, mode)
        // The views are not what is tested here.
        return path.contains(".segment") ? FaultyFile(file, self) : file
    }

    func names(inDirectory path: String) throws(StoreError) -> [String] {
        try base.names(inDirectory: path)
    }
    func createDirectory(_ path: String) throws(StoreError) { try base.createDirectory(path) }
    func exists(_ path: String) throws(StoreError) -> Bool { try base.exists(path) }
    func removeFile(_ path: String) throws(StoreError) { try base.removeFile(path) }
    func rename(_ path: String, to newPath: String) throws(StoreError) {
        try base.rename(path, to: newPath)
    }
    func synchronizeDirectory(_ path: String) throws(StoreError) {
        try base.synchronizeDirectory(path)
    }
    func freeSpace(at path: String) throws(StoreError) -> FreeSpace {
        var free = try base.freeSpace(at: path)
        faults.withLock { faults in
            free.byteCount = faults.freeByteCount ?? free.byteCount
            free.fileCount = faults.freeFileCount ?? free.fileCount
        }
        return free
    }
    func lock(_ path: String) throws(StoreError) -> any FileLock { try base.lock(path) }
}

private final class FaultyFile: StorageFile {
    private let base: any StorageFile
    private let owner: FaultyFileSystem

    init(_ base: any StorageFile, _ owner: FaultyFileSystem) {
        self.base = base
        self.owner = owner
    }

    var path: String { base.path }
    func wasRenamed(to newPath: String) { base.wasRenamed(to: newPath) }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StoreError) -> Int {
        try base.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        if let error = owner.faults.withLock({ $0.write }) {
            // Half of it arrives, as on a real disk.
            try base.write(
                UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), at: offset)
            throw error
        }
        try base.write(bytes, at: offset)
    }

    func synchronizeData() throws(StoreError) {
        let error = owner.faults.withLock { faults in
            faults.synchronizeDataCount += 1
            return faults.synchronizeData
        }
        if let error { throw error }
        try base.synchronizeData()
    }

    func synchronize() throws(StoreError) { try base.synchronize() }

    func allocate(byteCount: UInt64) throws(StoreError) {
        if let error = owner.faults.withLock({ $0.allocate }) { throw error }
        try base.allocate(byteCount: byteCount)
    }

    func byteCount() throws(StoreError) -> UInt64 { try base.byteCount() }
    func truncate(to byteCount: UInt64) throws(StoreError) { try base.truncate(to: byteCount) }
}
