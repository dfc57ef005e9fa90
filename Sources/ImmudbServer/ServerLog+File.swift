public import ImmudbStore
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension ServerLog {
    /// A log in a file, lines appended: `immudb 2026/11/22 20:54:52 INFO: message`.
    ///
    /// The folder that the file is in is made if it is missing, but none above it. Lines that
    /// cannot be written, to a full disk say, are counted, and the next line that can be written is
    /// preceded by their number. A named pipe has to have a reader; opening it does not wait for one.
    ///
    /// - Throws: `ServerStartError` that names the folder or file; no folder is left behind then.
    public static func file(
        _ path: String, level: LogLevel
    ) throws(ServerStartError) -> ServerLog {
        guard path.last != "/" else {
            throw ServerStartError("Unable to create log file \(path): \(Errno.isDirectory)")
        }
        var newFolder: String?
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            let folder = String(path[..<slash])
            if mkdir(folder, 0o755) == 0 {
                newFolder = folder
            } else if errno != EEXIST {
                throw ServerStartError(
                    "Unable to create log folder \(folder): \(Errno.last)")
            }
        }
        var number: Int32
        repeat {
            number = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o666)
        } while number < 0 && errno == EINTR
        guard number >= 0 else {
            let reason = errno == ENXIO ? "nobody reads this pipe" : "\(Errno.last)"
            if let newFolder { rmdir(newFolder) }
            throw ServerStartError("Unable to create log file \(path): \(reason)")
        }
        let writer = try LogWriter(to: number, program: "immudb", closesFile: true)
        return ServerLog(level: level, writer: writer)
    }
}
