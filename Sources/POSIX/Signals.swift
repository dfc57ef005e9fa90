#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Whether a signal's handler, as the system gives it, is `SIG_IGN`: whoever starts a process like that, as nohup does,
/// wants the signal ignored.
///
/// `SIG_IGN` is a number in the place of a function's address. Both are compared as numbers of a pointer's size, and
/// neither is called.
public func isIgnoring(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
}
