#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The standard error, which people read.
public enum StandardError {
    /// Writes a line. It may contain text of a server, which must not control a terminal.
    ///
    /// A file that accepts nothing, for example on a full disk, is not an error.
    public static func write(line: String) {
        let bytes = Array((line + "\n").utf8)
        let isTerminal = isatty(STDERR_FILENO) != 0
        TerminalStreams.write(
            isTerminal ? TerminalText.escaped(bytes) : bytes, to: STDERR_FILENO)
    }
}
