import StorageIO
import Synchronization
import TestTools

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// An open file: an inode, whatever its name is now.
final class SimulatedFile: StorageFile {
    private let name: Mutex<String>
    private let inode: Int
    private let isWritable: Bool
    private let disk: SimulatedDisk

    var path: String { name.withLock { $0 } }

    init(path: String, inode: Int, isWritable: Bool, disk: SimulatedDisk) {
        name = Mutex(path)
        self.inode = inode
        self.isWritable = isWritable
        self.disk = disk
    }

    deinit {
        disk.state.withLock { $0.close(inode) }
    }

    func noteNewPath(_ newPath: String) { name.withLock { $0 = newPath } }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StoreError) -> Int {
        try disk.state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.read, path, offset: offset, byteCount: buffer.count)
            if let error {
                throw state.failure("cannot read at byte \(offset) of", path, error)
            }
            return state.inodes[inode]?.live.read(into: buffer, at: Int(clamping: offset)) ?? 0
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        try disk.state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.write, path, offset: offset, byteCount: bytes.count)
            let what = "cannot write at byte \(offset) of"
            try check(end: offset.addingReportingOverflow(UInt64(bytes.count)), what)
            let place = Int(offset)
            var count = bytes.count
            if error != nil {
                switch state.random.next(below: 3) {
                case 0: count = 0
                case 1: count = state.random.next(below: count + 1)
                default: break
                }
            }
            let fitting =
                state.inodes[inode]?.live.writableByteCount(
                    place, count, freePageCount: state.freePageCount) ?? count
            if fitting > 0 {
                let written = Array(bytes[..<fitting])
                state.apply(.write(offset: place, bytes: written), to: inode)
            }
            if let error { throw state.failure(what, path, error) }
            if fitting < count { throw state.failure(what, path, ENOSPC) }
        }
    }

    func synchronizeData() throws(StoreError) {
        try synchronize(.synchronizeData)
    }

    func synchronize() throws(StoreError) {
        try synchronize(.synchronize)
    }

    /// Makes data and length durable. Both kinds do, since the length is needed to read the data.
    private func synchronize(_ kind: CallKind) throws(StoreError) {
        try disk.state.withLock { (state) throws(StoreError) in
            guard let error = try state.begin(kind, path) else {
                return state.change(inode) { $0.synchronize() }
            }
            var random = state.random
            let dropsCache = state.options.dropsCacheAfterFailedSync
            state.change(inode) { $0.failSynchronization(&random, dropsCache: dropsCache) }
            state.random = random
            throw state.failure("cannot sync", path, error)
        }
    }

    func allocate(byteCount: UInt64) throws(StoreError) {
        try disk.state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.allocate, path, byteCount: Int(clamping: byteCount))
            let what = "cannot reserve \(byteCount) bytes for"
            var end = try check(end: (byteCount, false), what)
            let live = state.inodes[inode]?.live ?? FileImage()
            if error != nil {
                // A part of it may be reserved.
                end = live.byteCount + state.random.next(below: max(1, end - live.byteCount + 1))
                if state.random.chance(1, of: 2) { end = 0 }
            }
            let needed = live.unallocatedPageCount(reservingTo: end)
            if needed <= state.freePageCount {
                if end > 0 { state.apply(.reserve(to: end), to: inode) }
            } else if error == nil {
                throw state.failure(what, path, ENOSPC)
            }
            if let error { throw state.failure(what, path, error) }
        }
    }

    /// Refuses to change a file that was opened for reading, or beyond the largest file size.
    @discardableResult
    private func check(
        end: (partialValue: UInt64, overflow: Bool), _ what: String
    ) throws(StoreError) -> Int {
        guard isWritable else { throw StoreError.system(what, path, EBADF) }
        guard !end.overflow, end.partialValue <= UInt64(FileImage.maximumByteCount) else {
            throw StoreError.system(what, path, EFBIG)
        }
        return Int(end.partialValue)
    }

    func byteCount() throws(StoreError) -> UInt64 {
        try disk.state.withLock { (state) throws(StoreError) in
            if let error = try state.begin(.byteCount, path) {
                throw state.failure("cannot look at", path, error)
            }
            return UInt64(state.inodes[inode]?.live.byteCount ?? 0)
        }
    }

    func truncate(to byteCount: UInt64) throws(StoreError) {
        try disk.state.withLock { (state) throws(StoreError) in
            let error = try state.begin(.truncate, path, byteCount: Int(clamping: byteCount))
            let end = try check(end: (byteCount, false), "cannot cut")
            if error == nil || state.random.chance(1, of: 2) {
                state.apply(.truncate(to: end), to: inode)
            }
            if let error { throw state.failure("cannot cut", path, error) }
        }
    }
}

/// The lock of an inode on its disk.
final class SimulatedLock: FileLock {
    private let inode: Int
    private let disk: SimulatedDisk

    init(inode: Int, disk: SimulatedDisk) {
        self.inode = inode
        self.disk = disk
    }

    deinit {
        disk.state.withLock {
            $0.unlock(inode)
            $0.close(inode)
        }
    }
}
