import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A program that runs in the background, found by its pid file.
public struct RunningProgram: Sendable {
    private static let poll = Duration.milliseconds(50)

    public let id: Int32
    private let path: String

    /// - Returns: nil if there is no such file, or the program that wrote it has ended.
    /// - Throws: `DaemonError` if the file cannot be read, or holds no process id.
    public init?(pidFile path: String) throws(DaemonError) {
        self.path = path
        let text: String
        do {
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            let bytes: [UInt8]? = try file.closeAfter {
                try Self.isLocked(file) ? try file.bytes(upTo: 32) : nil
            }
            // A file without a lock is of a program that was killed.
            guard let bytes else { return nil }
            text = String(decoding: bytes, as: UTF8.self)
        } catch Errno.noSuchFileOrDirectory {
            return nil
        } catch {
            throw DaemonError("cannot read the pid file \(path): \(error)")
        }
        guard let id = Int32(text.filter { !$0.isWhitespace }), id > 1 else {
            throw DaemonError("the pid file \(path) holds no process id")
        }
        self.id = id
    }

    /// Asks the program to stop (SIGTERM), and waits until it has.
    ///
    /// - Returns: false if it still runs after the time.
    /// - Throws: `DaemonError` if it may not be asked.
    public func stop(within time: Duration) async throws -> Bool {
        guard kill(id, SIGTERM) == 0 || errno == ESRCH else {
            throw DaemonError("cannot stop process \(id): \(Errno.last)")
        }
        let end = ContinuousClock.now + time
        while try RunningProgram(pidFile: path)?.id == id {
            guard ContinuousClock.now < end else { return false }
            try await Task.sleep(for: Self.poll)
        }
        return true
    }

    private static func isLocked(_ file: FileDescriptor) throws -> Bool {
        if flock(file.rawValue, LOCK_SH | LOCK_NB) == 0 {
            flock(file.rawValue, LOCK_UN)
            return false
        }
        guard errno == EWOULDBLOCK else { throw Errno.last }
        return true
    }
}
