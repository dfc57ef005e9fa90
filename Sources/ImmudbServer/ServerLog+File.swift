public import ImmudbStore

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension ServerLog {
    /// A log in a file, lines appended: `immudb 2026/11/22 20:54:52 INFO: message`.
    ///
    /// The folder that the file is in is made if it is missing, but none above it. A line that
    /// cannot be written, to a full disk say, is lost and stops nobody.
    ///
    /// - Throws: `ServerStartError` that names the folder or file; no folder is left behind then.
    public static func file(
        _ path: String, level: LogLevel
    ) throws(ServerStartError) -> ServerLog {
        guard path.last != "/" else {
            throw ServerStartError("Unable to create log file \(path): \(systemMessage(EISDIR))")
        }
        var newFolder: String?
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            let folder = String(path[..<slash])
            if mkdir(folder, 0o755) == 0 {
                newFolder = folder
            } else if errno != EEXIST {
                throw ServerStartError(
                    "Unable to create log folder \(folder): \(systemMessage(errno))")
            }
        }
        // Not blocking: a pipe without a reader must not hold up the server.
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK
        let number = open(path, flags, 0o666)
        guard number >= 0 else {
            let reason = systemMessage(errno)
            if let newFolder { rmdir(newFolder) }
            throw ServerStartError("Unable to create log file \(path): \(reason)")
        }
        let file = OpenLogFile(number)
        return ServerLog(level: level) { line in
            _ = systemWrite(file.number, Array("immudb \(line)\n".utf8))
        }
    }
}

/// Closed when the log goes away.
private final class OpenLogFile: Sendable {
    let number: Int32

    init(_ number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }
}
