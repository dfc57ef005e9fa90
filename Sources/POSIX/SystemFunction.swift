#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A function of the C library whose header Swift does not import.
///
/// - Parameter type: of the function, `@convention(c)`.
/// - Returns: nil where the library has no such function.
public func systemFunction<Function>(_ name: String, as type: Function.Type) -> Function? {
    guard let symbol = dlsym(nil, name) else { return nil }
    return unsafeBitCast(symbol, to: type)
}
