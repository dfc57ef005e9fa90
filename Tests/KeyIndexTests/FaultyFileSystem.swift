import Glibc
import StorageIO
import Synchronization

/// The real file system, with calls that fail by number.
final class FaultyFileSystem: FileSystem {
    enum Fault: Sendable {
        /// The call fails with this error number of the operating system.
        case error(Int32)
        /// A read returns half of the bytes; other calls succeed.
        case shortRead
    }

    private struct State {
        var callCount = 0
        var failing = 0..<0
        var fault = Fault.error(EIO)
        var failureCount = 0
        var writtenFiles: [String] = []
    }

    private let base = POSIXFileSystem()
    private let state = Mutex(State())

    /// The number of calls so far, or since the faults were last set.
    var callCount: Int { state.withLock { $0.callCount } }
    /// The number of calls that failed since the faults were last set.
    var failureCount: Int { state.withLock { $0.failureCount } }
    /// The files that were written to, one element for each write.
    var writtenFiles: [String] { state.withLock { $0.writtenFiles } }

    /// Makes the calls with these numbers fail. They count from 0, beginning now.
    func fail(_ calls: Range<Int>, _ fault: Fault) {
        state.withLock {
            $0 = State()
            $0.failing = calls
            $0.fault = fault
        }
    }

    func heal() { fail(0..<0, .error(EIO)) }

    /// Counts a call.
    ///
    /// - Returns: whether the call is a short read.
    @discardableResult
    fileprivate func enter(_ call: String, _ path: String) throws(StoreError) -> Bool {
        let fault: Fault? = state.withLock { state in
            if call == "write" { state.writtenFiles.append(path) }
            defer { state.callCount += 1 }
            guard state.failing.contains(state.callCount) else { return nil }
            if case .shortRead = state.fault, call != "read" { return nil }
            state.failureCount += 1
            return state.fault
        }
        switch fault {
        case nil: return false
        case .shortRead: return true
        case .error(let number): throw StoreError.system("cannot \(call)", path, number)
        }
    }

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        try enter("open", path)
        return FaultyFile(try base.open(path, mode), self)
    }

    func names(inDirectory path: String) throws(StoreError) -> [String] {
        try enter("list", path)
        return try base.names(inDirectory: path)
    }

    func createDirectory(_ path: String) throws(StoreError) {
        try enter("create", path)
        try base.createDirectory(path)
    }

    func exists(_ path: String) throws(StoreError) -> Bool {
        try enter("look at", path)
        return try base.exists(path)
    }

    func removeFile(_ path: String) throws(StoreError) {
        try enter("remove", path)
        try base.removeFile(path)
    }

    func rename(_ path: String, to newPath: String) throws(StoreError) {
        try enter("rename", path)
        try base.rename(path, to: newPath)
    }

    func synchronizeDirectory(_ path: String) throws(StoreError) {
        try enter("sync the folder", path)
        try base.synchronizeDirectory(path)
    }

    func freeSpace(at path: String) throws(StoreError) -> FreeSpace {
        try enter("read the free space of", path)
        return try base.freeSpace(at: path)
    }

    func lock(_ path: String) throws(StoreError) -> any FileLock {
        try enter("lock", path)
        return try base.lock(path)
    }
}

private final class FaultyFile: StorageFile {
    var path: String { base.path }
    func noteNewPath(_ newPath: String) { base.noteNewPath(newPath) }
    private let base: any StorageFile
    private let owner: FaultyFileSystem

    init(_ base: any StorageFile, _ owner: FaultyFileSystem) {
        self.base = base
        self.owner = owner
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StoreError) -> Int {
        let isShort = try owner.enter("read", path)
        let count = try base.read(into: buffer, at: offset)
        return isShort ? count / 2 : count
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        do throws(StoreError) {
            try owner.enter("write", path)
        } catch {
            // As on a disk that fails in the middle of a write.
            try base.write(
                UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), at: offset)
            throw error
        }
        try base.write(bytes, at: offset)
    }

    func synchronizeData() throws(StoreError) {
        try owner.enter("sync", path)
        try base.synchronizeData()
    }

    func synchronize() throws(StoreError) {
        try owner.enter("sync", path)
        try base.synchronize()
    }

    func allocate(byteCount: UInt64) throws(StoreError) {
        try owner.enter("reserve", path)
        try base.allocate(byteCount: byteCount)
    }

    func byteCount() throws(StoreError) -> UInt64 {
        try owner.enter("size", path)
        return try base.byteCount()
    }

    func truncate(to byteCount: UInt64) throws(StoreError) {
        try owner.enter("cut", path)
        try base.truncate(to: byteCount)
    }
}
