import RocksDBBridge
import StorageIO

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// The file system, the log and the notification that RocksDB calls, as C functions. An object is passed
// to C as a retained pointer: `release` returns the host, `close` a file, `unlock` a lock.
// RocksDB's side calls each of these once, after all other calls with the same pointer.

/// The objects that the C functions need. Lives until the last object of RocksDB that can call them is freed: when the
/// database is closed or its opening has failed.
private final class RocksHost: Sendable {
    let fileSystem: any FileSystem
    let log: LogSink
    let beforeFlush: @Sendable () -> Void

    init(
        _ fileSystem: any FileSystem, _ log: @escaping LogSink,
        _ beforeFlush: @escaping @Sendable () -> Void
    ) {
        self.fileSystem = fileSystem
        self.log = log
        self.beforeFlush = beforeFlush
    }

    static func at(_ context: UnsafeMutableRawPointer?) -> RocksHost {
        Unmanaged<RocksHost>.fromOpaque(context!).takeUnretainedValue()
    }
}

private final class RocksFile: Sendable {
    let file: any StorageFile

    init(_ file: any StorageFile) { self.file = file }

    static func at(_ pointer: UnsafeMutableRawPointer?) -> any StorageFile {
        Unmanaged<RocksFile>.fromOpaque(pointer!).takeUnretainedValue().file
    }
}

private final class RocksLock: Sendable {
    let lock: any FileLock

    init(_ lock: any FileLock) { self.lock = lock }
}

extension rocks_host {
    /// Makes a host for one call of `rocks_open` or `rocks_remove`, which takes ownership of it.
    static func make(
        _ fileSystem: any FileSystem, log: @escaping LogSink,
        beforeFlush: @escaping @Sendable () -> Void = {}
    ) -> rocks_host {
        var host = rocks_host()
        host.context = Unmanaged.passRetained(RocksHost(fileSystem, log, beforeFlush)).toOpaque()
        host.release = { Unmanaged<RocksHost>.fromOpaque($0!).release() }
        host.log = { context, isError, line in
            RocksHost.at(context).log(isError ? .error : .warning, String(cString: line!))
        }
        host.before_flush = { RocksHost.at($0).beforeFlush() }
        host.setFileCalls()
        host.setNameCalls()
        return host
    }

    private mutating func setFileCalls() {
        open_to_read = { context, path, file in
            let host = RocksHost.at(context)
            let path = String(cString: path!)
            return .of(
                { () throws(StoreError) in
                    file!.pointee = try host.open(path, .readOnly)
                }, isMissing: { host.isMissing(path) })
        }
        open_to_change = { context, path, file in
            let host = RocksHost.at(context)
            let path = String(cString: path!)
            return .of(
                { () throws(StoreError) in
                    file!.pointee = try host.open(path, .readWrite)
                }, isMissing: { host.isMissing(path) })
        }
        open_to_write = { context, path, file in
            let host = RocksHost.at(context)
            let path = String(cString: path!)
            return .of { () throws(StoreError) in
                try host.fileSystem.removeFile(path)
                file!.pointee = try host.open(path, .createNew)
            }
        }
        read = { file, offset, buffer, count, done in
            .of { () throws(StoreError) in
                let buffer = UnsafeMutableRawBufferPointer(start: buffer, count: count)
                done!.pointee = try RocksFile.at(file).read(into: buffer, at: offset)
            }
        }
        write = { file, offset, bytes, count in
            .of { () throws(StoreError) in
                let bytes = UnsafeRawBufferPointer(start: bytes, count: count)
                try RocksFile.at(file).write(bytes, at: offset)
            }
        }
        sync = { file in
            .of { () throws(StoreError) in try RocksFile.at(file).synchronizeData() }
        }
        truncate = { file, count in
            .of { () throws(StoreError) in try RocksFile.at(file).truncate(to: count) }
        }
        size = { file, count in
            .of { () throws(StoreError) in count!.pointee = try RocksFile.at(file).byteCount() }
        }
        close = { Unmanaged<RocksFile>.fromOpaque($0!).release() }
    }

    private mutating func setNameCalls() {
        exists = { context, path, result in
            .of { () throws(StoreError) in
                result!.pointee = try RocksHost.at(context).fileSystem.exists(
                    String(cString: path!))
            }
        }
        list = { context, path, names, add in
            let host = RocksHost.at(context)
            let path = String(cString: path!)
            return .of(
                { () throws(StoreError) in
                    for name in try host.fileSystem.names(inDirectory: path) { add!(names, name) }
                }, isMissing: { host.isMissing(path) })
        }
        create_folder = { context, path in
            .of { () throws(StoreError) in
                try RocksHost.at(context).fileSystem.createDirectory(String(cString: path!))
            }
        }
        remove = { context, path in
            .of { () throws(StoreError) in
                try RocksHost.at(context).fileSystem.removeFile(String(cString: path!))
            }
        }
        rename = { context, path, newPath in
            .of { () throws(StoreError) in
                try RocksHost.at(context).fileSystem.rename(
                    String(cString: path!), to: String(cString: newPath!))
            }
        }
        sync_folder = { context, path in
            .of { () throws(StoreError) in
                try RocksHost.at(context).fileSystem.synchronizeDirectory(String(cString: path!))
            }
        }
        lock = { context, path, lock in
            .of { () throws(StoreError) in
                let taken = try RocksHost.at(context).fileSystem.lock(String(cString: path!))
                lock!.pointee = Unmanaged.passRetained(RocksLock(taken)).toOpaque()
            }
        }
        unlock = { Unmanaged<RocksLock>.fromOpaque($0!).release() }
    }
}

extension RocksHost {
    fileprivate func open(
        _ path: String, _ mode: OpenMode
    ) throws(StoreError) -> UnsafeMutableRawPointer {
        Unmanaged.passRetained(RocksFile(try fileSystem.open(path, mode))).toOpaque()
    }

    /// Returns whether a function failed because nothing exists at `path`, which errors of the file system do not tell.
    fileprivate func isMissing(_ path: String) -> Bool { (try? fileSystem.exists(path)) == false }
}

extension rocks_status {
    fileprivate static func of(
        _ body: () throws(StoreError) -> Void, isMissing: () -> Bool = { false }
    ) -> rocks_status {
        do throws(StoreError) {
            try body()
            return rocks_status(code: ROCKS_OK, message: nil)
        } catch {
            let code =
                switch error.code {
                case .noSpace: ROCKS_NO_SPACE
                case .noDescriptors: ROCKS_NO_DESCRIPTORS
                case .permissionDenied: ROCKS_PERMISSION
                case .inUse: ROCKS_IN_USE
                case .corruption: ROCKS_CORRUPTION
                case .io where isMissing(): ROCKS_MISSING_FILE
                default: ROCKS_IO
                }
            return rocks_status(code: code, message: strdup(error.description))
        }
    }
}
