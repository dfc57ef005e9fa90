#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Returns a function of the C library whose header Swift does not import.
///
/// - Parameter type: the type of the function, `@convention(c)`, with the parameters of its manual page. Nothing checks
///   them.
/// - Returns: nil if the library has no such function.
public func systemFunction<Function>(_ name: String, as type: Function.Type) -> Function? {
    guard let symbol = dlsym(nil, name) else { return nil }
    // The address of a C function is what a `@convention(c)` value holds.
    return unsafeBitCast(symbol, to: type)
}
