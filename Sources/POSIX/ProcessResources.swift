// What the system gives a process that serves: open files and memory.

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Allows this process as many open files as the system lets it: every connection is one.
///
/// - Returns: the limit from now on, nil if it could not be read.
@discardableResult
package func raiseOpenFileLimit() -> UInt64? {
    var limit = rlimit()
    guard getrlimit(openFiles, &limit) == 0 else { return nil }
    var raised = limit
    raised.rlim_cur = limit.rlim_max
    return UInt64(setrlimit(openFiles, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur)
}

/// The files that this process may have open; nil if that cannot be read.
package func openFileLimit() -> Int? {
    var limit = rlimit()
    return getrlimit(openFiles, &limit) == 0 ? Int(clamping: limit.rlim_cur) : nil
}

#if canImport(Darwin)
    private let openFiles = RLIMIT_NOFILE
#else
    private let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
#endif

/// Has the memory of large requests and answers given back to the system as soon as they are gone:
/// blocks from 1 MiB on are then mapped each for itself. For a process that serves, at its start.
///
/// Left alone, glibc takes a large block that is freed as a sign to keep such blocks, up to 64 MiB
/// for each thread: after large answers on eight threads that was 400 MiB. Costs a large answer the
/// page faults of fresh memory, a tenth of what it takes to read and check it.
package func returnLargeBlocks() {
    #if canImport(Glibc)
        typealias Setter = @convention(c) (Int32, Int32) -> Int32
        // Where the C library has no such setting there is no need.
        guard let set = systemFunction("mallopt", as: Setter.self) else { return }
        let (trimThreshold, mapThreshold): (Int32, Int32) = (-1, -3)
        _ = set(mapThreshold, 1 << 20)
        _ = set(trimThreshold, 2 << 20)
    #endif
}

/// Gives free memory back to the system. glibc keeps what was freed below something that is still in
/// use: after a crowd of clients that is nearly all of what they needed.
@Sendable
package func returnFreeMemory() {
    #if canImport(Glibc)
        typealias Trim = @convention(c) (Int) -> Int32
        _ = systemFunction("malloc_trim", as: Trim.self)?(0)
    #endif
}
