public import StorageIO

/// A file system that passes each call on to another one. A test implements only the calls that it
/// changes or watches.
public protocol ForwardingFileSystem: FileSystem {
    associatedtype Base: FileSystem
    var base: Base { get }
}

extension ForwardingFileSystem {
    public func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        try base.open(path, mode)
    }
    public func names(inDirectory path: String) throws(StoreError) -> [String] {
        try base.names(inDirectory: path)
    }
    public func createDirectory(_ path: String) throws(StoreError) {
        try base.createDirectory(path)
    }
    public func exists(_ path: String) throws(StoreError) -> Bool { try base.exists(path) }
    public func removeFile(_ path: String) throws(StoreError) { try base.removeFile(path) }
    public func rename(_ path: String, to newPath: String) throws(StoreError) {
        try base.rename(path, to: newPath)
    }
    public func synchronizeDirectory(_ path: String) throws(StoreError) {
        try base.synchronizeDirectory(path)
    }
    public func freeSpace(at path: String) throws(StoreError) -> FreeSpace {
        try base.freeSpace(at: path)
    }
    public func lock(_ path: String) throws(StoreError) -> any FileLock { try base.lock(path) }
    public func lockReadOnly(_ path: String) throws(StoreError) -> (any FileLock)? {
        try base.lockReadOnly(path)
    }
}

/// A file that passes each call on to another one, as ``ForwardingFileSystem`` does.
public protocol ForwardingFile: StorageFile {
    var base: any StorageFile { get }
}

extension ForwardingFile {
    public var path: String { base.path }
    public func noteNewPath(_ newPath: String) { base.noteNewPath(newPath) }
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StoreError) -> Int {
        try base.read(into: buffer, at: offset)
    }
    public func willRead(byteCount: Int, at offset: UInt64) {
        base.willRead(byteCount: byteCount, at: offset)
    }
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        try base.write(bytes, at: offset)
    }
    public func synchronizeData() throws(StoreError) { try base.synchronizeData() }
    public func synchronize() throws(StoreError) { try base.synchronize() }
    public func allocate(byteCount: UInt64) throws(StoreError) {
        try base.allocate(byteCount: byteCount)
    }
    public func byteCount() throws(StoreError) -> UInt64 { try base.byteCount() }
    public func truncate(to byteCount: UInt64) throws(StoreError) {
        try base.truncate(to: byteCount)
    }
}
