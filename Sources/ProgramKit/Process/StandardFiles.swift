#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Standard input, output and error. The process that starts a program may have closed them, or may
/// never read the output.
public enum StandardFiles {
    /// Opens the standard files that are closed, so that no other file gets their number: output
    /// would be written into it.
    ///
    /// Reading the input or writing the output is then an error, as with closed files: a command
    /// without input must not take that for an empty value. Writing to the error output always
    /// succeeds, since a message that nobody reads is not a failure.
    ///
    /// Call it before anything else. An asynchronous `main`, or a `main.swift` that awaits
    /// something, is too late: the loop that runs those has opened files by then.
    public static func reserve() {
        let modes = [
            (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY),
        ]
        for (number, mode) in modes where fcntl(number, F_GETFD) < 0 {
            // The lowest free number, which is this one. There may be no devices here.
            if open("/dev/null", mode) < 0 { _ = open("/", O_RDONLY) }
        }
    }

    /// Writes a message of a start to a standard file. A file that takes nothing delays the start
    /// for half a second at most; the rest of the message is then lost.
    public static func write(_ text: String, to file: Int32) {
        let end = ContinuousClock.now + .milliseconds(500)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let left = (end - .now).components
            let milliseconds = left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000
            var request = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
            let ready = poll(&request, 1, Int32(max(0, milliseconds)))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return }
            // A pipe that is ready takes `PIPE_BUF` bytes without waiting.
            let count = systemWrite(file, rest.prefix(byteCountOfReadyPipe))
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Makes the standard error non-blocking, if it is a pipe: it then refuses text for which it
    /// has no room.
    ///
    /// The runtime writes there why it ends a process. If the pipe is full and nobody reads it,
    /// that write would wait, and the process would neither end nor serve. Other processes see no
    /// change, since the pipe is opened a second time. Only Linux can do that.
    public static func keepErrorsFromBlocking() {
        #if os(Linux)
            var status = stat()
            guard fstat(STDERR_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else {
                return
            }
            let file = open(
                "/proc/self/fd/\(STDERR_FILENO)", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
            guard file >= 0 else { return }
            dup2(file, STDERR_FILENO)
            close(file)
        #endif
    }

    #if canImport(Darwin)
        private static let byteCountOfReadyPipe = 512
    #else
        private static let byteCountOfReadyPipe = 4096
    #endif
}

/// Calls write(2). A function above has the same name.
private func systemWrite(_ file: Int32, _ bytes: ArraySlice<UInt8>) -> Int {
    bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
}
