#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The columns and rows of a terminal.
struct TerminalSize: Equatable {
    private let columns: UInt16
    private let rows: UInt16

    /// Returns nil if the terminal does not report its size.
    init?(of terminal: Int32) {
        var size = winsize()
        guard ioctl(terminal, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        (columns, rows) = (size.ws_col, size.ws_row)
    }
}

enum TerminalWidth {
    /// Returns the columns of a terminal; 80 if it does not report its size.
    static func of(_ terminal: Int32) -> Int {
        var size = winsize()
        guard ioctl(terminal, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
