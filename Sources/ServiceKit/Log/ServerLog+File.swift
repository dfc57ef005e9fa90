import POSIX
public import StorageIO

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The file of a log: its path, and the descriptor that lives as long as the log.
struct LogFilePlace: Sendable {
    let path: String
    let descriptor: Int32
}

extension ServerLog {
    /// A log in a file, lines appended: `immudb 2026/11/22 20:54:52 INFO: message`, with the program's name.
    ///
    /// The folder that the file is in is made if it is missing, but none above it. Lines that
    /// cannot be written, to a full disk say, are counted, and the next line that can be written is
    /// preceded by their number. A named pipe has to have a reader; opening it does not wait for one.
    ///
    /// - Parameter program: the first word of each line of text.
    /// - Throws: `LogOpenError` that names the folder or file; no folder is left behind then.
    public static func file(
        _ path: String, program: String, level: LogLevel, format: LogFormat = .text
    ) throws(LogOpenError) -> ServerLog {
        guard path.last != "/" else {
            throw LogOpenError("Unable to create log file \(path): \(Errno.isDirectory)")
        }
        let folder = parentFolder(of: path)
        let isNew = mkdir(folder, 0o755) == 0
        guard isNew || errno == EEXIST else {
            throw LogOpenError("Unable to create log folder \(folder): \(Errno.last)")
        }
        do throws(LogOpenError) {
            let file = try open(path)
            let writer = try LogWriter(
                to: file, LineFormatter(format, program: program), closesFile: true)
            return ServerLog(
                level: level, format: format, writer: writer,
                file: LogFilePlace(path: path, descriptor: file))
        } catch {
            // Fails if the log is in it already: a start without a thread for it has left an empty one.
            if isNew { rmdir(folder) }
            throw error
        }
    }

    /// Goes on in a new file of the log's path, since the old one was renamed or deleted. Lines so far, and some
    /// that are written just now, are in the old one; none is lost. Without a file nothing happens.
    ///
    /// - Throws: `LogOpenError` if there is no such file; the log goes on in the old one then.
    public func reopenFile() throws(LogOpenError) {
        guard let file else { return }
        let new = try Self.open(file.path)
        defer { close(new) }
        // The thread that writes keeps its descriptor, which leads to the new file from now on.
        guard dup2(new, file.descriptor) >= 0,
            fcntl(file.descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { throw LogOpenError("Unable to reopen log file \(file.path): \(Errno.last)") }
    }

    private static func open(_ path: String) throws(LogOpenError) -> Int32 {
        do {
            return try FileDescriptor.opening(
                path, .writeOnly, [.append, .create, .nonBlocking],
                permissions: FilePermissions(rawValue: 0o666)
            ).rawValue
        } catch {
            let reason =
                error as? Errno == .noSuchAddressOrDevice ? "nobody reads this pipe" : "\(error)"
            throw LogOpenError("Unable to create log file \(path): \(reason)")
        }
    }
}

/// Why a log cannot be written: a message for the operator.
public struct LogOpenError: Error, Hashable, CustomStringConvertible {
    public let message: String

    init(_ message: String) { self.message = message }

    public var description: String { message }
}
