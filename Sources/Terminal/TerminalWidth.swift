#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

enum TerminalWidth {
    /// The columns of a terminal; 80 if it does not tell.
    static func of(_ terminal: Int32) -> Int {
        var size = winsize()
        guard ioctl(terminal, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
