import POSIX
public import StorageIO

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The file of a log: its path, and the descriptor, which is open as long as the log.
struct LogFilePlace: Sendable {
    let path: String
    let descriptor: Int32
}

extension ServerLog {
    /// Returns a log that appends lines to a file: `immudb 2026/11/22 20:54:52 INFO: message`, with the program's
    /// name.
    ///
    /// Creates the file's folder if it is missing, but not its parents. Lines that cannot be written, for example to
    /// a full disk, are counted; their number precedes the next line that can be written. A named pipe must have a
    /// reader; opening it does not wait for one.
    ///
    /// - Parameter program: the first word of each line of text.
    /// - Throws: `LogOpenError` that names the folder or file; leaves no new folder behind.
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
            // Fails if the folder already has a log, perhaps an empty one that a start without a thread has left.
            if isNew { rmdir(folder) }
            throw error
        }
    }

    /// Continues in a new file at the log's path, since the old one was renamed or deleted. Earlier lines, and some
    /// that are being written now, are in the old file; none is lost. Does nothing without a file.
    ///
    /// - Throws: `LogOpenError` if the file cannot be opened; the log then continues in the old
    ///   one.
    public func reopenFile() throws(LogOpenError) {
        guard let file else { return }
        let new = try Self.open(file.path)
        defer { close(new) }
        // The thread that writes keeps its descriptor, which from now on refers to the new file.
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

/// The reason why a log cannot be written, as a message for the operator.
public struct LogOpenError: Error, Hashable, CustomStringConvertible {
    public let message: String

    init(_ message: String) { self.message = message }

    public var description: String { message }
}
