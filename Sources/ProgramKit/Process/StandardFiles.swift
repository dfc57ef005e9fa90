#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Standard input, output and error. The process that starts a program may have closed them, or may not
/// read the output.
public enum StandardFiles {
    /// Opens those that are closed, so that no other file gets their number: what is printed would
    /// be written into it.
    ///
    /// Reading the input, or writing the output, is then an error as it is of closed files: a
    /// command that has nothing to read must not take that for an empty value. The error output
    /// takes everything: that nobody reads a complaint is no failure of its own.
    ///
    /// To be called before anything else. That is not in a `main` that is asynchronous, nor in a
    /// `main.swift` that awaits something: the loop that runs those has opened files by then.
    public static func reserve() {
        let modes = [
            (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY),
        ]
        for (number, mode) in modes where fcntl(number, F_GETFD) < 0 {
            // The lowest number that is free, which is this one. There may be no devices here.
            if open("/dev/null", mode) < 0 { _ = open("/", O_RDONLY) }
        }
    }

    /// Writes a text of a start to one of them. A file that takes nothing holds up the start for half
    /// a second at most; what it has not taken by then is lost.
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
            // A pipe that is ready takes so many bytes without waiting: `PIPE_BUF`.
            let count = systemWrite(file, rest.prefix(byteCountOfReadyPipe))
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Makes the standard error, if it is a pipe, one that refuses what it has no room for.
    ///
    /// The runtime writes there why it ends a process. Into a pipe that is full and that nobody reads,
    /// this write would wait, and the process neither end nor serve. The pipe itself stays as it is
    /// for other processes: it is opened a second time. Only Linux can do that.
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

/// write(2), whose name a function above has, too.
private func systemWrite(_ file: Int32, _ bytes: ArraySlice<UInt8>) -> Int {
    bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
}
