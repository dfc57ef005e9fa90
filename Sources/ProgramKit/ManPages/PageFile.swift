import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The files that pages are written to.
enum PageFile {
    static func makeFolders(above path: String) throws(Errno) {
        for slash in path.indices where path[slash] == "/" && slash != path.startIndex {
            // What is there already and is no folder shows at the next step.
            guard mkdir(String(path[..<slash]), 0o777) != 0, errno != EEXIST else { continue }
            let reason = errno
            // Of a folder in a file system that is read only, say.
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
