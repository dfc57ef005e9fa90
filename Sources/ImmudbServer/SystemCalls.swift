import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Creates a folder and those above it, unless they exist.
///
/// - Throws: `ServerStartError` with `prefix` in front of the reason.
func createFolder(_ path: String, prefix: String) throws(ServerStartError) {
    var made = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
        made += made.isEmpty || made.hasSuffix("/") ? component : "/" + component
        if mkdir(made, 0o700) != 0, errno != EEXIST {
            let reason = errno
            // An existing folder above that may not be changed answers with another error than
            // EEXIST.
            if isFolder(made) { continue }
            throw ServerStartError("\(prefix): \(made): \(Errno(rawValue: reason))")
        }
    }
    guard isFolder(path) else {
        throw ServerStartError("\(prefix): \(path): \(Errno.notDirectory)")
    }
}

/// Raises this process's limit of open files as far as the system allows: every connection is one.
///
/// - Returns: the limit from now on, or nil if it could not be read.
@discardableResult
public func raiseOpenFileLimit() -> UInt64? {
    var limit = rlimit()
    guard getrlimit(openFiles, &limit) == 0 else { return nil }
    var raised = limit
    raised.rlim_cur = limit.rlim_max
    return UInt64(setrlimit(openFiles, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur)
}

/// Returns the number of files that this process may have open, or nil if it cannot be read.
func openFileLimit() -> Int? {
    var limit = rlimit()
    return getrlimit(openFiles, &limit) == 0 ? Int(clamping: limit.rlim_cur) : nil
}

#if canImport(Darwin)
    private let openFiles = RLIMIT_NOFILE
#else
    private let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
#endif

/// Makes the allocator return the memory of large requests and answers as soon as they are freed:
/// it then maps each block from 1 MiB on by itself. A process that serves calls this at its start.
///
/// By default glibc keeps large blocks after the first one is freed, up to 64 MiB for each thread:
/// after large answers on eight threads that was 400 MiB. The price is the page faults of fresh
/// memory, a tenth of the time that it takes to read and check a large answer.
public func returnLargeBlocks() {
    #if canImport(Glibc)
        typealias Setter = @convention(c) (Int32, Int32) -> Int32
        // A C library without this setting does not need it.
        guard let set = systemFunction("mallopt", as: Setter.self) else { return }
        let (trimThreshold, mapThreshold): (Int32, Int32) = (-1, -3)
        _ = set(mapThreshold, 1 << 20)
        _ = set(trimThreshold, 2 << 20)
    #endif
}

/// Returns free memory to the system. glibc keeps freed memory that lies below a block in use:
/// after many clients at once that is nearly all that they needed.
@Sendable
func returnFreeMemory() {
    #if canImport(Glibc)
        typealias Trim = @convention(c) (Int) -> Int32
        _ = systemFunction("malloc_trim", as: Trim.self)?(0)
    #endif
}

/// Calls write(2) once, under a name that no method hides.
func systemWrite(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(file, bytes.baseAddress, bytes.count)
}
