#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The standard error, where people read what went wrong.
public enum StandardError {
    /// Writes a line. What a server says may be in it, and must not steer a terminal.
    ///
    /// A file that takes nothing, since its disk is full say, is no failure of its own.
    public static func write(line: String) {
        let bytes = Array((line + "\n").utf8)
        let isTerminal = isatty(STDERR_FILENO) != 0
        TerminalStreams.write(
            isTerminal ? TerminalText.escaped(bytes) : bytes, to: STDERR_FILENO)
    }
}
