#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Returns whether a signal's handler, as the system returns it, is `SIG_IGN`. A parent that starts a process with it,
/// as nohup does, wants the signal ignored.
///
/// `SIG_IGN` is a number in place of a function's address. Both are compared as numbers of a pointer's size, and
/// neither is called.
public func isIgnoring(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
}
