import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Writes the files of pages.
enum PageFile {
    static func makeFolders(above path: String) throws(Errno) {
        for slash in path.indices where path[slash] == "/" && slash != path.startIndex {
            // If the path exists and is not a folder, the next step fails.
            guard mkdir(String(path[..<slash]), 0o777) != 0, errno != EEXIST else { continue }
            let reason = errno
            // For example, mkdir fails in this way for an existing folder on a read-only file
            // system.
            guard access(String(path[..<slash]), F_OK) != 0 else { continue }
            throw Errno(rawValue: reason)
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try FileDescriptor.opening(
            path, .writeOnly, [.create, .truncate], permissions: FilePermissions(rawValue: 0o666))
        _ = try file.closeAfter { try file.writeAll(bytes) }
    }
}
