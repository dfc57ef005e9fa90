import SimulatedDisk
import StorageIO
import Synchronization

/// The real file system, except for calls that are made to fail.
final class FaultyFileSystem: ForwardingFileSystem {
    struct Faults: Sendable {
        var synchronizeData: StoreError?
        var write: StoreError?
        var allocate: StoreError?
        /// The free space that the file system reports.
        var freeByteCount: UInt64?
        var freeFileCount: UInt64?
        /// The number of calls of `synchronizeData` on segments so far.
        var synchronizeDataCount = 0
    }

    let faults = Mutex(Faults())
    let base = POSIXFileSystem()

    var synchronizeDataCount: Int { faults.withLock { $0.synchronizeDataCount } }

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        let file = try base.open(path, mode)
        // Views are not under test here.
        return path.contains(".segment") ? FaultyFile(file, self) : file
    }

    func freeSpace(at path: String) throws(StoreError) -> FreeSpace {
        var free = try base.freeSpace(at: path)
        faults.withLock { faults in
            free.byteCount = faults.freeByteCount ?? free.byteCount
            free.fileCount = faults.freeFileCount ?? free.fileCount
        }
        return free
    }
}

private final class FaultyFile: ForwardingFile {
    let base: any StorageFile
    private let owner: FaultyFileSystem

    init(_ base: any StorageFile, _ owner: FaultyFileSystem) {
        self.base = base
        self.owner = owner
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        if let error = owner.faults.withLock({ $0.write }) {
            // Half of the bytes are written, as on a real disk.
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

    func allocate(byteCount: UInt64) throws(StoreError) {
        if let error = owner.faults.withLock({ $0.allocate }) { throw error }
        try base.allocate(byteCount: byteCount)
    }
}
