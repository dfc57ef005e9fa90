#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Returns the time in this machine's zone, for the name of a file.
///
/// - Parameter format: as for `strftime`; what comes of it has at most 127 bytes.
public func localTime(_ format: String) -> String {
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    var buffer = [CChar](repeating: 0, count: 128)
    let count = strftime(&buffer, buffer.count, format, &parts)
    return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
