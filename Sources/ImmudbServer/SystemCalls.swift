import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Creates a folder and its missing parents.
///
/// - Throws: `ServerStartError` with `prefix` in front of the reason.
func createFolder(_ path: String, prefix: String) throws(ServerStartError) {
    var made = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
        made += made.isEmpty || made.hasSuffix("/") ? component : "/" + component
        if mkdir(made, 0o700) != 0, errno != EEXIST {
            let reason = errno
            // For an existing parent in which nothing may be created, the error is not EEXIST.
            if isFolder(made) { continue }
            throw ServerStartError("\(prefix): \(made): \(Errno(rawValue: reason))")
        }
    }
    guard isFolder(path) else {
        throw ServerStartError("\(prefix): \(path): \(Errno.notDirectory)")
    }
}
