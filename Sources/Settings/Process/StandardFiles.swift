#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Standard input, output and error, which whoever starts a program may have closed.
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
}
