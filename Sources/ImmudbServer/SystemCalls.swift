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
